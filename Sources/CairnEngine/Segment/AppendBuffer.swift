/// Bytes that only grow, until they are all dropped at once: what the builder appends every entry to.
///
/// An array would do, at several times the cost for each of the short pieces of an entry.
///
/// Invariant: `memory` is owned by this value alone, and its first `count` bytes are initialized;
/// `count <= memory.count`. Every append makes room before it writes.
struct AppendBuffer: ~Copyable {
  private var memory: UnsafeMutableRawBufferPointer
  private(set) var count = 0

  init(capacity: Int) {
    memory = .allocate(byteCount: max(capacity, 64), alignment: 8)
  }

  deinit { memory.deallocate() }

  /// The bytes, good until the next change.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

  @inline(__always)
  mutating func append(_ source: UnsafeRawBufferPointer) {
    guard let from = source.baseAddress else { return }
    if memory.count - count < source.count { grow(by: source.count) }
    (memory.baseAddress.unsafelyUnwrapped + count).copyMemory(from: from, byteCount: source.count)
    count &+= source.count
  }

  @inline(__always)
  mutating func append<Number: FixedWidthInteger>(littleEndian number: Number) {
    if memory.count - count < MemoryLayout<Number>.size { grow(by: MemoryLayout<Number>.size) }
    memory.storeBytes(of: number.littleEndian, toByteOffset: count, as: Number.self)
    count &+= MemoryLayout<Number>.size
  }

  @inline(__always)
  mutating func append(varint number: UInt64) {
    if memory.count - count < 10 { grow(by: 10) }
    var rest = number
    while rest >= 0x80 {
      memory[count] = UInt8(truncatingIfNeeded: rest) | 0x80
      count &+= 1
      rest >>= 7
    }
    memory[count] = UInt8(truncatingIfNeeded: rest)
    count &+= 1
  }

  /// Drops all bytes, and memory beyond `keeping` bytes.
  mutating func removeAll(keeping: Int) {
    count = 0
    guard memory.count > keeping else { return }
    memory.deallocate()
    memory = .allocate(byteCount: max(keeping, 64), alignment: 8)
  }

  @inline(never)
  private mutating func grow(by extra: Int) {
    let larger = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(count + extra, 2 * memory.count), alignment: 8)
    larger.copyMemory(from: bytes)
    memory.deallocate()
    memory = larger
  }
}
