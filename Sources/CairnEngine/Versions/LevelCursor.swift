import CairnKV

/// Walks a sorted level: its segments one after the other, opening each when it is reached, and passing over
/// those whose filter says that they have nothing of the prefix that is looked for.
final class LevelCursor: SegmentCursor {
  private let segments: ArraySlice<SegmentFile>
  private let prefix: ArraySlice<UInt8>
  /// Of the segment that `reader` reads, or that was passed over last.
  private var index: Int?

  /// - Parameters:
  ///   - prefix: what the keys that matter begin with; others may be left out.
  ///   - fillsCache: whether the blocks that it reads are kept for others.
  init(_ segments: ArraySlice<SegmentFile>, prefix: ArraySlice<UInt8> = [], fillsCache: Bool = true) {
    self.segments = segments
    self.prefix = prefix
    super.init(nil, fillsCache: fillsCache)
  }

  override func seekToFirst() throws(StorageError) {
    guard try open(segments.startIndex) else { return }
    try super.seekToFirst()
    if !isValid { try passEnd() }
  }

  override func seekToLast() throws(StorageError) {
    guard try open(segments.endIndex - 1) else { return }
    try super.seekToLast()
    if !isValid { try passBeginning() }
  }

  override func seek(atOrAfter key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
    guard try open(firstIndex(notBefore: key)) else { return }
    try super.seek(atOrAfter: key, trailer)
    if !isValid { try passEnd() }
  }

  override func seek(before key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
    // The entry before may stand in the segment that contains the key, or at the end of the one before it.
    guard try open(min(firstIndex(notBefore: key), segments.endIndex - 1)) else { return }
    try super.seek(before: key, trailer)
    if !isValid { try passBeginning() }
  }

  override func announceSeek(
    to key: UnsafeRawBufferPointer, _ trailer: EntryTrailer
  ) throws(StorageError) {
    guard try open(firstIndex(notBefore: key)) else { return }
    try super.announceSeek(to: key, trailer)
  }

  override func passEnd() throws(StorageError) {
    while !isValid, let index, try open(index + 1) { try super.seekToFirst() }
  }

  override func passBeginning() throws(StorageError) {
    while !isValid, let index, try open(index - 1) { try super.seekToLast() }
  }

  private func firstIndex(notBefore key: UnsafeRawBufferPointer) -> Int {
    Version.firstIndex(in: segments, notBefore: key)
  }

  /// Makes a segment the one that is read, unless there is none with this index, or it has nothing that
  /// matters. What the last entry shown stands in is kept until the next move.
  private func open(_ index: Int) throws(StorageError) -> Bool {
    isValid = false
    guard segments.indices.contains(index) else {
      leave()
      return false
    }
    guard index != self.index else { return true }
    leave()
    let reader = try segments[index].reader()
    let isPossible = prefix.withUnsafeBytes { reader.mayContain(prefix: $0) }
    change(to: isPossible ? reader : nil)
    self.index = index
    return true
  }

  private func leave() {
    index = nil
    change(to: nil)
  }
}
