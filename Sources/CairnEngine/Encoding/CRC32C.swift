import CairnShims

/// CRC-32C (Castagnoli), as in RFC 3720 appendix B.4, with the processor's instructions where it has them.
enum CRC32C {
  private static let hasHardware = cairn_crc32c_hardware_available()

  /// The checksum of `bytes` appended to what `previous` is the checksum of.
  @inline(__always)
  static func checksum(_ bytes: UnsafeRawBufferPointer, extending previous: UInt32 = 0) -> UInt32 {
    hasHardware
      ? cairn_crc32c_hardware(previous, bytes.baseAddress, bytes.count)
      : portableChecksum(bytes, extending: previous)
  }

  /// Each way to compute a checksum on this processor, for the tests: all must agree.
  static let allPaths: [(name: String, checksum: @Sendable (UnsafeRawBufferPointer, UInt32) -> UInt32)] = {
    var paths: [(name: String, checksum: @Sendable (UnsafeRawBufferPointer, UInt32) -> UInt32)] = [
      ("portable", { portableChecksum($0, extending: $1) })
    ]
    if hasHardware {
      paths.append(("single chain", { cairn_crc32c_hardware_single($1, $0.baseAddress, $0.count) }))
      paths.append(("three chains", { cairn_crc32c_hardware($1, $0.baseAddress, $0.count) }))
    }
    return paths
  }()

  // MARK: Without instructions

  /// `tables[256 * n + b]`: the checksum register after the byte `b` and then `n` zero bytes.
  private static let tables: [UInt32] = {
    var tables = (0..<256).map { index in
      (0..<8).reduce(UInt32(index)) { value, _ in (value >> 1) ^ (value & 1 == 0 ? 0 : 0x82F6_3B78) }
    }
    for index in 256..<2048 {
      let previous = tables[index - 256]
      tables.append(tables[Int(previous & 0xFF)] ^ (previous >> 8))
    }
    return tables
  }()

  /// Eight bytes a step, each looked up in the table for its distance from the end of the step ("slicing by
  /// 8").
  static func portableChecksum(_ bytes: UnsafeRawBufferPointer, extending previous: UInt32) -> UInt32 {
    tables.withUnsafeBufferPointer { table in
      var value = ~previous
      var offset = 0
      while bytes.count - offset >= 8 {
        let word =
          UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) ^ UInt64(value)
        value = 0
        for index in 0..<8 {
          value ^= table[256 * (7 - index) + Int(word >> (8 * UInt64(index)) & 0xFF)]
        }
        offset += 8
      }
      while offset < bytes.count {
        value = table[Int((value ^ UInt32(bytes[offset])) & 0xFF)] ^ (value >> 8)
        offset += 1
      }
      return ~value
    }
  }
}
