import CairnKV

/// A piece of a file in memory, read ahead so that small frames do not cost a system call each.
///
/// Invariant that makes the returned pointers sound: `memory` holds `filled` bytes of the file from `start`
/// on, and is replaced or refilled only by ``read(_:at:count:fileSize:)``, whose caller uses the result
/// before it calls again.
final class ReadWindow {
  private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var filled = 0
  private var start: UInt64 = 0

  private static let readAheadBytes = 256 << 10

  deinit { memory.deallocate() }

  /// `count` bytes at `offset`; `nil` when the file does not hold them. Good until the next call.
  func read(
    _ file: any File, at offset: UInt64, count: Int, fileSize: UInt64
  ) throws(StorageError) -> UnsafeRawBufferPointer? {
    guard offset <= fileSize, UInt64(count) <= fileSize - offset else { return nil }
    let isHeld = offset >= start && offset - start <= UInt64(filled) && count <= filled - Int(offset - start)
    if !isHeld {
      let wanted = Int(min(UInt64(max(count, Self.readAheadBytes)), fileSize - offset))
      if memory.count < wanted {
        memory.deallocate()
        memory = .allocate(byteCount: wanted, alignment: 16)
      }
      filled = 0
      start = offset
      filled = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[..<wanted]), at: offset)
      guard filled >= count else { return nil }
    }
    let position = Int(offset - start)
    return UnsafeRawBufferPointer(rebasing: memory[position..<position + count])
  }
}
