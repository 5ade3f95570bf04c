import CairnKV

/// A place among the entries of a segment.
///
/// Invariant: while valid, `block` is the data block `blockNumber`, `view` is its view, and `position` is
/// less than `view.count`. `keyBytes` holds the block's prefix, with room for its longest suffix behind it,
/// unless the prefix is empty.
final class SegmentCursor: SourceCursor {
  private let reader: SegmentReader
  private var block: Block?
  private var view: BlockView
  private var blockNumber = -1
  private var position = 0
  private var keyBytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  /// What `key` and `value` pointed into before the last change of block, until the next move: a key to seek
  /// may be this cursor's own, and a step back keeps the value that it leaves.
  private var previousBlock: Block?
  private var previousKeyBytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  private let fillsCache: Bool

  init(_ reader: SegmentReader, fillsCache: Bool = true) {
    self.reader = reader
    self.fillsCache = fillsCache
    view = reader.index
  }

  deinit {
    keyBytes.deallocate()
    previousKeyBytes.deallocate()
  }

  override func seekToFirst() throws(StorageError) {
    isValid = false
    guard reader.index.count > 0 else { return }
    try enter(0)
    show(0)
  }

  override func seekToLast() throws(StorageError) {
    isValid = false
    guard reader.index.count > 0 else { return }
    try enter(reader.index.count - 1)
    show(view.count - 1)
  }

  override func seek(atOrAfter key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
    isValid = false
    let following = reader.index.firstIndex(atOrAfter: key, trailer)
    if following > 0 {
      try enter(following - 1)
      let position = view.firstIndex(atOrAfter: key, trailer)
      if position < view.count { return show(position) }
    }
    guard following < reader.index.count else { return }
    try enter(following)
    show(0)
  }

  override func seek(before key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
    isValid = false
    let following = reader.index.firstIndex(atOrAfter: key, trailer)
    guard following > 0 else { return }
    try enter(following - 1)
    // The block's first entry sorts before the target, so there is one to go back to.
    show(view.firstIndex(atOrAfter: key, trailer) - 1)
  }

  override func next() throws(StorageError) {
    guard isValid else { return }
    previousBlock = nil
    if position + 1 < view.count { return show(position + 1) }
    isValid = false
    guard blockNumber + 1 < reader.index.count else { return }
    try enter(blockNumber + 1)
    show(0)
  }

  override func previous() throws(StorageError) {
    guard isValid else { return }
    previousBlock = nil
    if position > 0 { return show(position - 1) }
    isValid = false
    guard blockNumber > 0 else { return }
    try enter(blockNumber - 1)
    show(view.count - 1)
  }

  /// Makes a block the current one.
  private func enter(_ number: Int) throws(StorageError) {
    guard number != blockNumber else { return }
    blockNumber = -1
    let block = try reader.block(at: number, fillingCache: fillsCache)
    view = block.view
    previousBlock = self.block
    self.block = block
    swap(&keyBytes, &previousKeyBytes)
    if !view.prefix.isEmpty {
      let needed = view.prefix.count + view.longestSuffix
      if keyBytes.count < needed {
        keyBytes.deallocate()
        keyBytes = .allocate(byteCount: 2 * needed, alignment: 8)
      }
      keyBytes.copyMemory(from: view.prefix)
    }
    blockNumber = number
  }

  /// Shows an entry of the current block, whose index must be in it.
  @inline(__always)
  private func show(_ index: Int) {
    let entry = view.entry(at: index)
    position = index
    if view.prefix.isEmpty {
      key = entry.suffix
    } else {
      if let base = keyBytes.baseAddress, let suffix = entry.suffix.baseAddress {
        (base + view.prefix.count).copyMemory(from: suffix, byteCount: entry.suffix.count)
      }
      key = UnsafeRawBufferPointer(start: keyBytes.baseAddress, count: view.prefix.count + entry.suffix.count)
    }
    trailer = entry.trailer
    value = entry.value
    isValid = true
  }
}
