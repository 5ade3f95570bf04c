/// Page-aligned memory in which a frame is put together and from which it is written in one call.
///
/// Invariant: `FrameHeader.bytes <= count <= capacity`, and the first `count` bytes of `pages` are initialised.
/// Used by one thread at a time: whoever leads the commit.
final class FrameBuffer: @unchecked Sendable {
  private var pages: PageMemory
  private var count = FrameHeader.bytes

  private static let ordinaryBytes = 64 << 10
  /// What a single large commit made it grow to is given back.
  private static let greatestKeptBytes = 8 << 20

  init() {
    pages = PageMemory(byteCount: Self.ordinaryBytes)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: count)
  }

  deinit { pages.free() }

  var capacity: Int { pages.count }
  private var memory: UnsafeMutableRawPointer { pages.address }

  var payload: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: memory + FrameHeader.bytes, count: count - FrameHeader.bytes)
  }

  func removeAll() {
    count = FrameHeader.bytes
    if capacity > Self.greatestKeptBytes { reallocate(Self.ordinaryBytes) }
  }

  func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
    reserve(bytes.count)
    (memory + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }

  /// Puts the header in front and zeros behind, up to the page border.
  /// - Returns: the whole frame, good until the next change.
  func seal(with header: [UInt8]) -> UnsafeRawBufferPointer {
    let whole = Int(FrameFile.roundedUp(UInt64(count)))
    reserve(whole - count)
    header.withUnsafeBytes { source in
      if let address = source.baseAddress { memory.copyMemory(from: address, byteCount: FrameHeader.bytes) }
    }
    (memory + count).initializeMemory(as: UInt8.self, repeating: 0, count: whole - count)
    return UnsafeRawBufferPointer(start: memory, count: whole)
  }

  private func reserve(_ more: Int) {
    if count + more <= capacity { return }
    reallocate(Int(FrameFile.roundedUp(UInt64(max(capacity * 2, count + more)))))
  }

  private func reallocate(_ newCapacity: Int) {
    let larger = PageMemory(byteCount: newCapacity)
    larger.address.copyMemory(from: memory, byteCount: min(count, newCapacity))
    pages.free()
    pages = larger
  }
}
