/// CRC-32C (Castagnoli), as in RFC 3720 appendix B.4.
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in (value >> 1) ^ (value & 1 == 0 ? 0 : 0x82F6_3B78) }
  }

  /// The checksum of `bytes` appended to what `previous` is the checksum of.
  static func checksum(_ bytes: UnsafeRawBufferPointer, extending previous: UInt32 = 0) -> UInt32 {
    var value = ~previous
    for byte in bytes { value = table[Int((value ^ UInt32(byte)) & 0xFF)] ^ (value >> 8) }
    return ~value
  }
}
