import CairnKV

/// What a reader sees of a merged source: for each key the newest version visible to it, unless that is a
/// removal or a newer range removal covers it.
///
/// Going forward, the versions of a key come newest first, and the first visible one decides. Going back
/// they come oldest first: the key is copied to see it change, and the value of the best one so far where it
/// would not last until then.
///
/// A struct, so that no access to its fields is checked for exclusivity while the program runs.
struct VisibleCursor: ~Copyable {
  /// Range removals of one source, and the newest of them that this reader sees.
  struct Removals {
    var tombstones: RangeTombstoneSet
    var visibleAt: UInt64
  }

  private let source: SourceCursor
  private let snapshot: UInt64
  private let newestOwn: UInt64
  private let removals: [Removals]
  private let hasRemovals: Bool
  /// The source, if it is one segment or one level, and nothing else decides what is visible.
  private let run: SegmentCursor?
  private let range: KeyRange
  /// Whether keys are compared with the upper bound at all, and the ``BlockView/head(_:)`` of both: most keys are within
  /// by their heads alone, and the arrays need not be touched.
  private let hasUpper: Bool
  private let upperHead: UInt64
  private let lowerHead: UInt64
  private let version: Version?
  private let guide: EmptyRangeGuide?

  private(set) var isValid = false
  private var isForward = true
  // While going back, copies are kept here.
  private var keyCopy = AppendBuffer(capacity: 0)
  private var valueCopy = AppendBuffer(capacity: 0)
  // While going back, the value and kind of the best version so far, in `valueCopy` or in the source.
  private var bestValue = UnsafeRawBufferPointer(start: nil, count: 0)
  private var bestKind = EntryKind.value
  /// Keys without a live value that were stepped over since the last seek or live key: how many, and where
  /// they begin. Going down, they begin before a key, or at the end of the key space.
  private var deadCount = 0
  private var deadStart = DeadStart.atNextKey
  /// Whether `deadStart` says something else: to look costs less than to set it at each key.
  private var knowsDeadStart = false

  private enum DeadStart {
    case atNextKey
    case at([UInt8])
    case atEnd
  }

  /// - Parameters:
  ///   - guide: What is known of keys that need not be stepped over.
  ///   - snapshot: Entries with a sequence number up to this one are visible.
  ///   - version: Where the values are that entries refer to; without one no entry may.
  ///   - newestOwn: So are those from ``EntryTrailer/firstOwnSequence`` up to this one: the transaction's
  ///     own.
  init(
    _ source: SourceCursor, snapshot: UInt64, newestOwn: UInt64 = 0, removals: [Removals], range: KeyRange,
    version: Version? = nil, guide: EmptyRangeGuide? = nil
  ) {
    self.source = source
    self.snapshot = snapshot
    self.newestOwn = newestOwn
    self.removals = removals
    hasRemovals = !removals.isEmpty
    run = removals.isEmpty ? source as? SegmentCursor : nil
    self.range = range
    hasUpper = range.upper != nil
    upperHead = range.upper.map { $0.withUnsafeBytes { BlockView.head($0) } } ?? .max
    lowerHead = range.lower.withUnsafeBytes { BlockView.head($0) }
    self.version = version
    self.guide = guide
  }

  /// The current key; good until the next move.
  @inline(__always)
  var key: UnsafeRawBufferPointer { isForward ? source.key : keyCopy.bytes }
  /// What the current entry has for a value: the value, or what stands for it. Good until the next move.
  @inline(__always)
  private var stored: UnsafeRawBufferPointer { isForward ? source.value : bestValue }
  @inline(__always)
  private var isLarge: Bool { (isForward ? source.trailer.kind : bestKind) == .handle }

  /// A copy of the current entry. Only here, and in ``lend(to:)``, is a large value read: stepping over it
  /// costs no more than over a small one.
  var entry: KeyValue {
    get throws(StorageError) {
      KeyValue(key: [UInt8](key), value: isLarge ? try readLargeValue() : [UInt8](stored))
    }
  }

  /// Lends the current key and value.
  @inline(__always)
  func lend<Result>(to body: (RawSpan, RawSpan) -> Result) throws(StorageError) -> Result {
    if isLarge { return try readLargeValue().withUnsafeBytes { body(key.bytes, $0.bytes) } }
    return body(key.bytes, stored.bytes)
  }

  private func readLargeValue() throws(StorageError) -> [UInt8] {
    guard let version else {
      throw StorageError(.internalInconsistency, "an entry refers to a value where none can be")
    }
    return try version.read(ValueHandle(stored: stored))
  }

  /// Moves to the first visible entry of the range.
  mutating func seekToFirst() throws(StorageError) {
    isForward = true
    isValid = false
    beginDead(.at(range.lower))
    try withBytes(of: range.lower) { (lower) throws(StorageError) in
      if let guide, let bound = try guide.firstToLookAt(from: lower) {
        if try pass(to: bound) { try settleForward() }
      } else {
        try source.seek(atOrAfter: lower, .newest)
        try settleForward()
      }
    }
  }

  /// Moves to the last visible entry of the range.
  mutating func seekToLast() throws(StorageError) {
    isForward = false
    isValid = false
    try startBackward(before: try guide?.endToLookAt(from: range.upper) ?? range.upper)
    try settleBackward()
  }

  /// Going up, visits what follows in the same block and needs no more than a look, see ``SegmentCursor/visitRun``.
  /// - Returns: whether `visit` wants no more.
  @inline(__always)
  func visitRun(_ remaining: inout Int, _ visit: (RawSpan, RawSpan) -> ScanStep) -> Bool {
    guard isForward, let run else { return false }
    return run.visitRun(before: range.upper, visibleAt: snapshot, &remaining, visit)
  }

  /// Moves on in the direction of the last seek.
  mutating func advance() throws(StorageError) {
    isValid = false
    deadCount = 0
    if knowsDeadStart {
      deadStart = .atNextKey
      knowsDeadStart = false
    }
    if isForward {
      try source.nextKey()
      try settleForward()
    } else {
      try settleBackward()
    }
  }

  // MARK: Forward

  private mutating func settleForward() throws(StorageError) {
    while source.isValid {
      if hasUpper, isPastUpper(source.key) { break }
      if !isVisible(source.trailer) {
        try source.next()
        continue
      }
      if isLive(source.key, source.trailer) {
        isValid = true
        if isWorthNoting { try noteEmpty(to: [UInt8](source.key)) }
        return
      }
      if let guide {
        if !knowsDeadStart { beginDead(.at([UInt8](source.key))) }
        deadCount &+= 1
        if deadCount % EmptyRanges.worthwhileSteps == 0,
          let bound = try guide.firstToLookAt(from: source.key)
        {
          if isWorthNoting { try noteEmpty(to: [UInt8](source.key)) }
          guard try pass(to: bound) else { return }
          continue
        }
      }
      try source.nextKey()
    }
    if isWorthNoting { try noteEmpty(to: range.upper) }
  }

  /// Tells of the dead keys, if they are many, when going up has come to an end of them.
  private func noteEmpty(to upper: [UInt8]?) throws(StorageError) {
    guard let guide, case .at(let lower) = deadStart else { return }
    try guide.note(from: lower, to: upper)
  }

  /// Whether so many dead keys were stepped over that others should know.
  @inline(__always)
  private var isWorthNoting: Bool { deadCount >= EmptyRanges.worthwhileSteps }

  /// Moves to where an empty range ends.
  /// - Returns: whether that is in the range that is read.
  private mutating func pass(to bound: EmptyRangeSet.Bound) throws(StorageError) -> Bool {
    guard case .key(let key) = bound, range.upper.map({ key.lexicographicallyPrecedes($0) }) ?? true else {
      return false
    }
    beginDead(.at(key))
    try withBytes(of: key) { (key) throws(StorageError) in try source.seek(atOrAfter: key, .newest) }
    return true
  }

  // MARK: Backward

  /// Reads all versions of the key that the source stands on, and of the keys before it, until one is live.
  private mutating func settleBackward() throws(StorageError) {
    while source.isValid {
      if isBeforeLower(source.key) { break }
      keyCopy.replaceContents(with: source.key)
      var live = false
      var isLent = false
      while source.isValid, isCurrentKey() {
        if isVisible(source.trailer) {
          live = isLive(source.key, source.trailer)
          isLent = live
          if live {
            bestValue = source.value
            bestKind = source.trailer.kind ?? .value
          }
        } else if isLent {
          // It was good for one move, and this will be the second.
          valueCopy.replaceContents(with: bestValue)
          bestValue = valueCopy.bytes
          isLent = false
        }
        try source.previous()
      }
      if live {
        isValid = true
        if isWorthNoting { try noteEmpty(from: [UInt8](keyCopy.bytes) + [0]) }
        return
      }
      if let guide {
        if !knowsDeadStart { beginDead(.at([UInt8](keyCopy.bytes) + [0])) }
        deadCount &+= 1
        if deadCount % EmptyRanges.worthwhileSteps == 0,
          let end = try guide.endToLookAt(from: [UInt8](keyCopy.bytes))
        {
          if isWorthNoting { try noteEmpty(from: [UInt8](keyCopy.bytes)) }
          try startBackward(before: end)
        }
      }
    }
    if isWorthNoting { try noteEmpty(from: range.lower) }
  }

  /// Moves the source to before a key, or to its end.
  private mutating func startBackward(before key: [UInt8]?) throws(StorageError) {
    guard let key else {
      beginDead(.atEnd)
      return try source.seekToLast()
    }
    beginDead(.at(key))
    try withBytes(of: key) { (key) throws(StorageError) in try source.seek(before: key, .newest) }
  }

  /// The same when going down.
  private func noteEmpty(from lower: [UInt8]) throws(StorageError) {
    guard let guide else { return }
    switch deadStart {
    case .at(let upper): try guide.note(from: lower, to: upper)
    case .atEnd: try guide.note(from: lower, to: nil)
    case .atNextKey: break
    }
  }

  private mutating func beginDead(_ start: DeadStart) {
    deadCount = 0
    deadStart = start
    knowsDeadStart = true
  }

  // MARK: Visibility

  @inline(__always)
  private func isPastUpper(_ key: UnsafeRawBufferPointer) -> Bool {
    if BlockView.head(key) < upperHead { return false }
    return range.upper.map { $0.withUnsafeBytes { EntryOrder.compare(key, $0) >= 0 } } ?? false
  }

  @inline(__always)
  private func isBeforeLower(_ key: UnsafeRawBufferPointer) -> Bool {
    if BlockView.head(key) > lowerHead { return false }
    return range.lower.withUnsafeBytes { EntryOrder.compare(key, $0) < 0 }
  }

  @inline(__always)
  private func isVisible(_ trailer: EntryTrailer) -> Bool {
    trailer.sequence <= snapshot
      || (trailer.sequence >= EntryTrailer.firstOwnSequence && trailer.sequence <= newestOwn)
  }

  @inline(__always)
  private func isLive(_ key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) -> Bool {
    guard trailer.isValue else { return false }
    if !hasRemovals { return true }
    for removal in removals
    where removal.tombstones.newestCovering(key, visibleAt: removal.visibleAt) > trailer.sequence {
      return false
    }
    return true
  }

  @inline(__always)
  private func isCurrentKey() -> Bool { EntryOrder.compare(source.key, keyCopy.bytes) == 0 }
}
