/// Bytes that only grow, until they are all dropped at once: what the builder appends every entry to.
///
/// An array would do, at several times the cost for each of the short pieces of an entry.
///
/// Invariant: `memory` is owned by this value alone and has room for `capacity` bytes, of which the first
/// `count` are initialized; `count <= capacity`. Every append makes room before it writes. With a capacity of 0
/// there is no memory yet.
struct AppendBuffer: ~Copyable {
  private var memory: UnsafeMutableRawPointer?
  private var capacity: Int
  private(set) var count = 0

  /// - Parameter capacity: how much memory to take at once; 0 takes some only when something is appended.
  init(capacity: Int) {
    self.capacity = capacity == 0 ? 0 : max(capacity, 64)
    memory = capacity == 0 ? nil : .allocate(byteCount: self.capacity, alignment: 8)
  }

  deinit { memory?.deallocate() }

  /// The bytes, good until the next change.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: count) }

  @inline(__always)
  mutating func append(_ source: UnsafeRawBufferPointer) {
    guard let from = source.baseAddress else { return }
    if capacity - count < source.count { grow(by: source.count) }
    if let memory { (memory + count).copyMemory(from: from, byteCount: source.count) }
    count &+= source.count
  }

  @inline(__always)
  mutating func append<Number: FixedWidthInteger>(littleEndian number: Number) {
    if capacity - count < MemoryLayout<Number>.size { grow(by: MemoryLayout<Number>.size) }
    memory?.storeBytes(of: number.littleEndian, toByteOffset: count, as: Number.self)
    count &+= MemoryLayout<Number>.size
  }

  @inline(__always)
  mutating func append(varint number: UInt64) {
    if capacity - count < 10 { grow(by: 10) }
    var rest = number
    while rest >= 0x80 {
      memory?.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: count, as: UInt8.self)
      count &+= 1
      rest >>= 7
    }
    memory?.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: count, as: UInt8.self)
    count &+= 1
  }

  /// Drops all bytes for others, in the memory that is there already where they fit.
  @inline(__always)
  mutating func replaceContents(with source: UnsafeRawBufferPointer) {
    count = 0
    append(source)
  }

  /// Drops all bytes, and memory beyond `keeping` bytes.
  mutating func removeAll(keeping: Int) {
    count = 0
    guard capacity > max(keeping, 64) else { return }
    memory?.deallocate()
    capacity = max(keeping, 64)
    memory = .allocate(byteCount: capacity, alignment: 8)
  }

  @inline(never)
  private mutating func grow(by extra: Int) {
    capacity = max(count + extra, 2 * capacity, 64)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
    if let memory {
      larger.copyMemory(from: memory, byteCount: count)
      memory.deallocate()
    }
    memory = larger
  }
}
