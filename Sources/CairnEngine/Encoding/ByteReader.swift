/// Decodes numbers and byte runs from memory that nobody vouches for.
///
/// Invariant that makes the unsafe loads sound: `position <= bytes.count` at all times, and every read checks
/// what is left before it touches memory. A read that does not fit returns `nil` and moves nothing.
struct ByteReader {
  let bytes: UnsafeRawBufferPointer
  private(set) var position = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  var remaining: Int { bytes.count - position }
  var isAtEnd: Bool { position == bytes.count }

  @inline(__always)
  mutating func readInteger<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
    guard remaining >= MemoryLayout<Number>.size else { return nil }
    defer { position += MemoryLayout<Number>.size }
    return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Number.self))
  }

  /// An LEB128 number of at most ten bytes, in its shortest form only.
  @inline(__always)
  mutating func readVarint() -> UInt64? {
    var result: UInt64 = 0
    var shift: UInt64 = 0
    var index = position
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if shift == 63 && byte > 1 { return nil }
      result |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 {
        if byte == 0 && shift > 0 { return nil }
        position = index
        return result
      }
      shift += 7
      if shift > 63 { return nil }
    }
    return nil
  }

  @inline(__always)
  mutating func readBytes(_ count: Int) -> UnsafeRawBufferPointer? {
    guard count >= 0, count <= remaining else { return nil }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }

  /// A varint length, then so many bytes.
  @inline(__always)
  mutating func readLengthPrefixed(limit: Int) -> UnsafeRawBufferPointer? {
    let start = position
    guard let length = readVarint(), length <= UInt64(limit), let result = readBytes(Int(length)) else {
      position = start
      return nil
    }
    return result
  }
}
