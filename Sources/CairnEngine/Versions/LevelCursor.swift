import CairnKV

/// Walks a sorted level: its segments one after the other, opening each when it is reached, and passing over
/// those whose filter says that they have nothing of the prefix that is looked for.
final class LevelCursor: SourceCursor {
  private let segments: [SegmentFile]
  private let prefix: ArraySlice<UInt8>
  private let fillsCache: Bool
  private var index = 0
  private var current: SourceCursor?
  /// The cursor that the last move left, whose block a value may still stand in until the next one.
  private var left: SourceCursor?

  /// - Parameters:
  ///   - prefix: what the keys that matter begin with; others may be left out.
  ///   - fillsCache: whether the blocks that it reads are kept for others.
  init(_ segments: [SegmentFile], prefix: ArraySlice<UInt8> = [], fillsCache: Bool = true) {
    self.segments = segments
    self.fillsCache = fillsCache
    self.prefix = prefix
  }

  override func seekToFirst() throws(StorageError) {
    left = nil
    guard try open(0) else { return }
    try current?.seekToFirst()
    try settleForward()
  }

  override func seekToLast() throws(StorageError) {
    left = nil
    guard try open(segments.count - 1) else { return }
    try current?.seekToLast()
    try settleBackward()
  }

  override func seek(atOrAfter key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
    left = nil
    guard try open(Version.firstIndex(in: segments, notBefore: key)) else { return }
    try current?.seek(atOrAfter: key, trailer)
    try settleForward()
  }

  override func seek(before key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
    left = nil
    // The entry before may stand in the segment that contains the key, or at the end of the one before it.
    guard try open(min(Version.firstIndex(in: segments, notBefore: key), segments.count - 1)) else { return }
    try current?.seek(before: key, trailer)
    try settleBackward()
  }

  override func next() throws(StorageError) {
    isValid = false
    left = nil
    try current?.next()
    try settleForward()
  }

  override func previous() throws(StorageError) {
    isValid = false
    left = nil
    try current?.previous()
    try settleBackward()
  }

  private func open(_ index: Int) throws(StorageError) -> Bool {
    isValid = false
    guard segments.indices.contains(index) else {
      leave()
      return false
    }
    if current == nil || index != self.index {
      leave()
      current = try segments[index].reader().makeCursor(within: prefix, fillsCache: fillsCache)
      self.index = index
    }
    return true
  }

  private func leave() {
    // Segments that are passed over on the way have shown nothing.
    if left == nil { left = current }
    current = nil
  }

  private func settleForward() throws(StorageError) {
    while current?.isValid == false, try open(index + 1) { try current?.seekToFirst() }
    publish()
  }

  private func settleBackward() throws(StorageError) {
    while current?.isValid == false, try open(index - 1) { try current?.seekToLast() }
    publish()
  }

  @inline(__always)
  private func publish() {
    guard let current, current.isValid else {
      isValid = false
      return
    }
    key = current.key
    trailer = current.trailer
    value = current.value
    isValid = true
  }
}
