extension [UInt8] {
  /// Appends a number, least significant byte first: the byte order of everything on disk.
  @inline(__always)
  mutating func append<Number: FixedWidthInteger>(littleEndian number: Number) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }

  /// Appends a number as LEB128, in its shortest form.
  @inline(__always)
  mutating func append(varint number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  /// Appends a varint length, then the bytes.
  @inline(__always)
  mutating func append(lengthPrefixed bytes: UnsafeRawBufferPointer) {
    append(varint: UInt64(bytes.count))
    append(contentsOf: bytes)
  }

  /// Appends a varint length, then the bytes.
  mutating func append(lengthPrefixed bytes: [UInt8]) {
    append(varint: UInt64(bytes.count))
    append(contentsOf: bytes)
  }

  /// Overwrites the bytes from `offset` with a number. They must be there.
  @inline(__always)
  mutating func overwrite<Number: FixedWidthInteger>(at offset: Int, littleEndian number: Number) {
    withUnsafeMutableBytes { $0.storeBytes(of: number.littleEndian, toByteOffset: offset, as: Number.self) }
  }
}
