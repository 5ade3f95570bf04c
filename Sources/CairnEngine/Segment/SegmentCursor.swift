import CairnKV
import CairnShims

/// A place among the entries of a segment.
///
/// Invariant: while valid, `block` is the data block `blockNumber` of the segment that `reader` reads, `view`
/// is its view, and `position` is less than `view.count`. `keyBytes` holds the block's prefix, with room for its
/// longest suffix and seven bytes behind it, unless the prefix is empty.
class SegmentCursor: SourceCursor {
  /// What is read: for a level it changes.
  private(set) final var reader: SegmentReader?
  private final var block: Block?
  private final var view = BlockView.none
  private final var blockNumber = -1
  private final var position = 0
  private final var keyBytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  /// What `key` and `value` pointed into before the last change of block, until the next move: a key to seek
  /// may be this cursor's own, and a step back keeps the value that it leaves.
  private final var previousBlock: Block?
  private final var previousKeyBytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  /// Added to the place of an entry it is about as far on in the following block, if that is in the cache: only to be
  /// fetched ahead, never to be looked at.
  private final var distanceAhead = 0
  /// What a search of the index has found for the seek that was announced.
  private final var announced: Int?

  private final let fillsCache: Bool

  /// - Parameter reader: `nil` for a cursor that finds out itself what to read.
  init(_ reader: SegmentReader?, fillsCache: Bool = true) {
    self.reader = reader
    self.fillsCache = fillsCache
  }

  deinit {
    keyBytes.deallocate()
    previousKeyBytes.deallocate()
  }

  /// Reads another segment from now on, or none. The cursor is not valid until the next move.
  final func change(to reader: SegmentReader?) {
    self.reader = reader
    isValid = false
    blockNumber = -1
    announced = nil
  }

  // MARK: Moving

  override func seekToFirst() throws(StorageError) {
    isValid = false
    guard let reader, reader.index.count > 0 else { return }
    try enter(0, of: reader)
    show(0)
  }

  override func seekToLast() throws(StorageError) {
    isValid = false
    guard let reader, reader.index.count > 0 else { return }
    try enter(reader.index.count - 1, of: reader)
    show(view.count - 1)
  }

  override func seek(atOrAfter key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
    isValid = false
    guard let reader else { return }
    let following = takeAnnounced() ?? reader.firstBlock(atOrAfter: key, trailer)
    if following > 0 {
      try enter(following - 1, of: reader)
      let position = view.firstIndex(atOrAfter: key, trailer)
      if position < view.count { return show(position) }
    }
    guard following < reader.index.count else { return }
    try enter(following, of: reader)
    show(0)
  }

  override func seek(before key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
    isValid = false
    guard let reader else { return }
    let following = takeAnnounced() ?? reader.firstBlock(atOrAfter: key, trailer)
    guard following > 0 else { return }
    try enter(following - 1, of: reader)
    // The block's first entry sorts before the target, so there is one to go back to.
    show(view.firstIndex(atOrAfter: key, trailer) - 1)
  }

  override func next() throws(StorageError) {
    guard isValid else { return }
    if previousBlock != nil { previousBlock = nil }
    if position &+ 1 < view.count { return show(position &+ 1) }
    isValid = false
    guard let reader else { return }
    guard blockNumber + 1 < reader.index.count else { return try passEnd() }
    try enter(blockNumber + 1, of: reader)
    show(0)
  }

  override func previous() throws(StorageError) {
    guard isValid else { return }
    if previousBlock != nil { previousBlock = nil }
    if position > 0 { return show(position &- 1) }
    isValid = false
    guard let reader else { return }
    guard blockNumber > 0 else { return try passBeginning() }
    try enter(blockNumber - 1, of: reader)
    show(view.count - 1)
  }

  override func nextKey() throws(StorageError) {
    guard isValid else { return }
    // Within a block two heads mostly tell, and the key that is left need not be copied.
    var following = position &+ 1
    if following < view.count, !view.hasKeyOfPrevious(following) {
      if previousBlock != nil { previousBlock = nil }
      fetchAhead(of: value)
      return show(following)
    }
    while following < view.count, following &- position <= Self.stepsBeforeSeek {
      if !view.hasKeyOfPrevious(following) {
        if previousBlock != nil { previousBlock = nil }
        return show(following)
      }
      following &+= 1
    }
    position = following &- 1
    try super.nextKey()
  }

  /// Visits the entries that follow the current one in its block, up to the first that takes more than a look: a second
  /// version of a key, a removal, a value that stands elsewhere, an entry that is newer than `snapshot`. Afterwards the
  /// last one visited is the current one.
  ///
  /// This is what a scan of a settled store spends its time in: of an entry nothing is kept.
  /// - Parameters:
  ///   - upper: nothing is visited in a block that reaches this key; `nil` if there is no bound.
  ///   - remaining: how many may be visited; lowered by as many as are.
  /// - Returns: whether `visit` wants no more.
  @inline(__always)
  final func visitRun(
    before upper: [UInt8]?, visibleAt snapshot: UInt64, _ remaining: inout Int,
    _ visit: (RawSpan, RawSpan) -> ScanStep
  ) -> Bool {
    guard isValid else { return false }
    let view = view
    if let upper, !upper.withUnsafeBytes({ view.isBefore($0) }) { return false }
    let (prefixCount, prefixed) = (view.prefix.count, keyBytes.baseAddress)
    var index = position &+ 1
    var isStopped = false
    while index < view.count, remaining > 0, !isStopped, !view.hasKeyOfPrevious(index) {
      let entry = view.entry(at: index)
      guard entry.trailer.kind == .value, entry.trailer.sequence <= snapshot else { break }
      // (As a variable it would be put in a box on the heap, for each entry: a span of it is lent.)
      let key: UnsafeRawBufferPointer
      if prefixCount > 0, let prefixed {
        BlockView.copy(suffix: entry.suffix, to: prefixed + prefixCount)
        key = UnsafeRawBufferPointer(start: prefixed, count: prefixCount &+ entry.suffix.count)
      } else {
        key = entry.suffix
      }
      fetchAhead(of: entry.value)
      isStopped = visit(key.bytes, entry.value.bytes) == .stop
      remaining &-= 1
      index &+= 1
    }
    if index &- 1 != position {
      if previousBlock != nil { previousBlock = nil }
      show(index &- 1)
    }
    return isStopped
  }

  /// The segment's last entry was left in the direction of greater keys.
  func passEnd() throws(StorageError) {}
  /// The segment's first entry was left in the direction of lesser keys.
  func passBeginning() throws(StorageError) {}

  // MARK: Fetching ahead

  /// Who walks on will come to the following block: it arrives as the current one is walked through.
  @inline(__always)
  private final func fetchAhead(of value: UnsafeRawBufferPointer) {
    guard distanceAhead != 0, let place = value.baseAddress else { return }
    let ahead = UInt(bitPattern: place) &+ UInt(bitPattern: distanceAhead)
    cairn_prefetch(UnsafeRawPointer(bitPattern: ahead))
    cairn_prefetch(UnsafeRawPointer(bitPattern: ahead &+ 64))
  }

  /// Finds out where the following block is, and has its beginning fetched. Once a block.
  @inline(__always)
  private final func findAhead(of reader: SegmentReader) {
    distanceAhead = 0
    guard blockNumber &+ 1 < reader.index.count, let block,
      let ahead = reader.prefetchBlock(at: blockNumber &+ 1)
    else { return }
    let place = UInt(bitPattern: Unmanaged.passUnretained(block).toOpaque())
    distanceAhead = Int(bitPattern: UInt(bitPattern: ahead) &- place)
  }

  override func announceSeek(
    to key: UnsafeRawBufferPointer, _ trailer: EntryTrailer
  ) throws(StorageError) {
    guard let reader else { return }
    let following = reader.firstBlock(atOrAfter: key, trailer)
    announced = following
    if following > 0 { reader.prefetchSlot(of: following - 1) }
  }

  override func fetchAnnounced() {
    if let reader, let announced, announced > 0 { _ = reader.prefetchBlock(at: announced - 1) }
  }

  @inline(__always)
  private final func takeAnnounced() -> Int? {
    guard let announced else { return nil }
    self.announced = nil
    return announced
  }

  // MARK: Blocks

  /// Makes a block the current one.
  private final func enter(_ number: Int, of reader: SegmentReader) throws(StorageError) {
    guard number != blockNumber else { return }
    let isNext = number == blockNumber &+ 1
    blockNumber = -1
    distanceAhead = 0
    let block = try reader.block(at: number, fillingCache: fillsCache)
    view = block.view
    previousBlock = self.block
    self.block = block
    swap(&keyBytes, &previousKeyBytes)
    if !view.prefix.isEmpty {
      let needed = view.prefix.count + view.longestSuffix + 7
      if keyBytes.count < needed {
        keyBytes.deallocate()
        keyBytes = .allocate(byteCount: max(2 * needed, 64), alignment: 8)
      }
      keyBytes.copyMemory(from: view.prefix)
    }
    blockNumber = number
    if isNext { findAhead(of: reader) }
  }

  /// Shows an entry of the current block, whose index must be in it.
  @inline(__always)
  private final func show(_ index: Int) {
    let entry = view.entry(at: index)
    position = index
    if view.prefix.isEmpty {
      key = entry.suffix
    } else {
      if let base = keyBytes.baseAddress {
        BlockView.copy(suffix: entry.suffix, to: base + view.prefix.count)
      }
      key = UnsafeRawBufferPointer(start: keyBytes.baseAddress, count: view.prefix.count + entry.suffix.count)
    }
    trailer = entry.trailer
    value = entry.value
    isValid = true
  }
}
