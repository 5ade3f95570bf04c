/// Page-aligned memory in which a frame is put together and from which it is written in one call.
///
/// Invariant: `FrameHeader.bytes <= count <= capacity`, and the first `count` bytes of `pages`, but for those of the
/// header, are initialised; without `pages`, `count` is that of the header and the capacity 0. Used by one thread
/// at a time: whoever leads the commit.
final class FrameBuffer: @unchecked Sendable {
  private var pages: PageMemory?
  private var count = FrameHeader.bytes
  private let pool: PagePool?

  private static let ordinaryBytes = 64 << 10
  /// What a single large commit made it grow to is given back.
  private static let greatestKeptBytes = 8 << 20

  /// - Parameter pool: where its memory comes from and goes to; `nil` for the system.
  init(pool: PagePool? = nil) {
    self.pool = pool
  }

  deinit { giveBack() }

  var capacity: Int { pages?.count ?? 0 }

  var payload: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: pages.map { $0.address + FrameHeader.bytes }, count: count - FrameHeader.bytes)
  }

  func removeAll() {
    count = FrameHeader.bytes
    if capacity > Self.greatestKeptBytes { giveBack() }
  }

  /// Makes room for a payload of so many bytes in the empty buffer, so that nothing is moved while it is put in.
  /// - Parameter tightly: Whether there is to be little more room than that, for the memory will be kept.
  func reserve(payloadBytes: Int, tightly: Bool) {
    let needed = Int(FrameFile.roundedUp(UInt64(FrameHeader.bytes + payloadBytes)))
    if tightly && capacity > needed + needed / 4 { giveBack() }
    reserve(upTo: needed, tightly: tightly)
  }

  /// Hands its memory over, with the frame that stands in it, and is empty.
  func takePages() -> PageMemory? {
    defer {
      pages = nil
      count = FrameHeader.bytes
    }
    return pages
  }

  func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
    let memory = reserve(upTo: count + bytes.count)
    (memory + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }

  /// Puts the header in front and zeros behind, up to a border of so many bytes.
  /// - Returns: the whole frame, good until the next change, and the header's checksum.
  func seal(with header: FrameHeader, upTo unit: Int) -> (frame: UnsafeRawBufferPointer, checksum: UInt32) {
    let whole = Int(FrameFile.roundedUp(UInt64(count), to: unit))
    let memory = reserve(upTo: whole)
    let checksum = header.encode(into: memory)
    (memory + count).initializeMemory(as: UInt8.self, repeating: 0, count: whole - count)
    return (UnsafeRawBufferPointer(start: memory, count: whole), checksum)
  }

  @discardableResult
  private func reserve(upTo needed: Int, tightly: Bool = false) -> UnsafeMutableRawPointer {
    if let pages, needed <= pages.count { return pages.address }
    let grown = tightly ? needed : max(needed, count > FrameHeader.bytes ? capacity * 2 : Self.ordinaryBytes)
    let rounded = Int(FrameFile.roundedUp(UInt64(grown)))
    let larger = pool?.take(rounded) ?? PageMemory(byteCount: rounded)
    if let pages, count > FrameHeader.bytes {
      larger.address.copyMemory(from: pages.address, byteCount: count)
    }
    giveBack()
    pages = larger
    return larger.address
  }

  private func giveBack() {
    guard let pages else { return }
    if let pool { pool.give(pages) } else { pages.free() }
    self.pages = nil
  }
}
