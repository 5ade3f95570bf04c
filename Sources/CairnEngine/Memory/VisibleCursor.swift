import CairnKV

/// What a reader sees of a merged source: for each key the newest version visible to it, unless that is a
/// removal or a newer range removal covers it.
///
/// Going forward, the versions of a key come newest first, and the first visible one decides. Going back
/// they come oldest first, so the key and value of the best one so far are copied until the key changes.
final class VisibleCursor {
  /// Range removals of one source, and the newest of them that this reader sees.
  struct Removals {
    var tombstones: RangeTombstoneSet
    var visibleAt: UInt64
  }

  private let source: SourceCursor
  private let snapshot: UInt64
  private let newestOwn: UInt64
  private let removals: [Removals]
  private let range: KeyRange
  private let version: Version?
  private let guide: EmptyRangeGuide?

  private(set) var isValid = false
  private var isForward = true
  // While going back, and for the key of the entry that a forward step leaves, copies are kept here.
  private var keyCopy: [UInt8] = []
  private var valueCopy: [UInt8] = []
  private var kindOfCopy = EntryKind.value
  /// Keys without a live value that were stepped over since the last seek or live key: how many, and where
  /// they begin. Going down, they begin before a key, or at the end of the key space.
  private var deadCount = 0
  private var deadStart = DeadStart.atNextKey

  private enum DeadStart {
    case atNextKey
    case at([UInt8])
    case atEnd
  }

  /// Stepping over more versions of one key than this costs more than a seek past them.
  private static let stepsBeforeSeek = 8

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
    self.range = range
    self.version = version
    self.guide = guide
  }

  /// The current key; good until the next move.
  var key: [UInt8] { isForward ? [UInt8](source.key) : keyCopy }
  /// The current value; good until the next move. Only here is a large value read: stepping over it costs
  /// no more than over a small one.
  var value: [UInt8] {
    get throws(StorageError) {
      guard (isForward ? source.trailer.kind : kindOfCopy) == .handle else {
        return isForward ? [UInt8](source.value) : valueCopy
      }
      let handle =
        isForward
        ? ValueHandle(decoding: source.value) : valueCopy.withUnsafeBytes { ValueHandle(decoding: $0) }
      guard let handle, let version else {
        throw StorageError(.internalInconsistency, "an entry refers to a value where none can be")
      }
      return try version.read(handle)
    }
  }

  /// Moves to the first visible entry of the range.
  func seekToFirst() throws(StorageError) {
    isForward = true
    isValid = false
    deadCount = 0
    deadStart = .at(range.lower)
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
  func seekToLast() throws(StorageError) {
    isForward = false
    isValid = false
    try startBackward(before: try guide?.endToLookAt(from: range.upper) ?? range.upper)
    try settleBackward()
  }

  /// Moves on in the direction of the last seek.
  func advance() throws(StorageError) {
    isValid = false
    deadCount = 0
    deadStart = .atNextKey
    if isForward {
      try leaveKey()
      try settleForward()
    } else {
      try settleBackward()
    }
  }

  // MARK: Forward

  /// Moves the source past every version of its current key.
  private func leaveKey() throws(StorageError) {
    keyCopy.replaceContents(with: source.key)
    for _ in 0..<Self.stepsBeforeSeek {
      guard source.isValid, isCurrentKey(keyCopy) else { return }
      try source.next()
    }
    guard source.isValid, isCurrentKey(keyCopy) else { return }
    let oldest = EntryTrailer(rawValue: 0)
    try withBytes(of: keyCopy) { key throws(StorageError) in try source.seek(atOrAfter: key, oldest) }
    while source.isValid, isCurrentKey(keyCopy) { try source.next() }
  }

  private func settleForward() throws(StorageError) {
    while source.isValid {
      if let upper = range.upper, upper.withUnsafeBytes({ EntryOrder.compare(source.key, $0) >= 0 }) { break }
      if !isVisible(source.trailer) {
        try source.next()
        continue
      }
      if isLive(source.key, source.trailer) {
        isValid = true
        try noteEmpty(to: [UInt8](source.key))
        return
      }
      if let guide {
        if case .atNextKey = deadStart { deadStart = .at([UInt8](source.key)) }
        deadCount &+= 1
        if deadCount % EmptyRanges.worthwhileSteps == 0,
          let bound = try guide.firstToLookAt(from: source.key)
        {
          try noteEmpty(to: [UInt8](source.key))
          guard try pass(to: bound) else { return }
          continue
        }
      }
      try leaveKey()
    }
    try noteEmpty(to: range.upper)
  }

  /// Tells of the dead keys, if they are many, when going up has come to an end of them.
  private func noteEmpty(to upper: @autoclosure () -> [UInt8]?) throws(StorageError) {
    guard deadCount >= EmptyRanges.worthwhileSteps, let guide, case .at(let lower) = deadStart else { return }
    try guide.note(from: lower, to: upper())
  }

  /// Moves to where an empty range ends.
  /// - Returns: whether that is in the range that is read.
  private func pass(to bound: EmptyRangeSet.Bound) throws(StorageError) -> Bool {
    guard case .key(let key) = bound, range.upper.map({ key.lexicographicallyPrecedes($0) }) ?? true else {
      return false
    }
    deadCount = 0
    deadStart = .at(key)
    try withBytes(of: key) { (key) throws(StorageError) in try source.seek(atOrAfter: key, .newest) }
    return true
  }

  // MARK: Backward

  /// Reads all versions of the key that the source stands on, and of the keys before it, until one is live.
  private func settleBackward() throws(StorageError) {
    while source.isValid {
      if range.lower.withUnsafeBytes({ EntryOrder.compare(source.key, $0) < 0 }) { break }
      keyCopy.replaceContents(with: source.key)
      var live = false
      while source.isValid, isCurrentKey(keyCopy) {
        if isVisible(source.trailer) {
          live = isLive(source.key, source.trailer)
          if live {
            valueCopy.replaceContents(with: source.value)
            kindOfCopy = source.trailer.kind ?? .value
          }
        }
        try source.previous()
      }
      if live {
        isValid = true
        try noteEmpty(from: keyCopy + [0])
        return
      }
      if let guide {
        if case .atNextKey = deadStart { deadStart = .at(keyCopy + [0]) }
        deadCount &+= 1
        if deadCount % EmptyRanges.worthwhileSteps == 0, let end = try guide.endToLookAt(from: keyCopy) {
          try noteEmpty(from: keyCopy)
          try startBackward(before: end)
        }
      }
    }
    try noteEmpty(from: range.lower)
  }

  /// Moves the source to before a key, or to its end.
  private func startBackward(before key: [UInt8]?) throws(StorageError) {
    deadCount = 0
    guard let key else {
      deadStart = .atEnd
      return try source.seekToLast()
    }
    deadStart = .at(key)
    try withBytes(of: key) { (key) throws(StorageError) in try source.seek(before: key, .newest) }
  }

  /// The same when going down.
  private func noteEmpty(from lower: @autoclosure () -> [UInt8]) throws(StorageError) {
    guard deadCount >= EmptyRanges.worthwhileSteps, let guide else { return }
    switch deadStart {
    case .at(let upper): try guide.note(from: lower(), to: upper)
    case .atEnd: try guide.note(from: lower(), to: nil)
    case .atNextKey: break
    }
  }

  // MARK: Visibility

  @inline(__always)
  private func isVisible(_ trailer: EntryTrailer) -> Bool {
    trailer.sequence <= snapshot
      || (trailer.sequence >= EntryTrailer.firstOwnSequence && trailer.sequence <= newestOwn)
  }

  @inline(__always)
  private func isLive(_ key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) -> Bool {
    guard trailer.isValue else { return false }
    for removal in removals
    where removal.tombstones.newestCovering(key, visibleAt: removal.visibleAt) > trailer.sequence {
      return false
    }
    return true
  }

  @inline(__always)
  private func isCurrentKey(_ key: [UInt8]) -> Bool {
    key.withUnsafeBytes { EntryOrder.compare(source.key, $0) == 0 }
  }
}

extension [UInt8] {
  /// Takes over other bytes, in the memory that is there already where they fit.
  @inline(__always)
  fileprivate mutating func replaceContents(with bytes: UnsafeRawBufferPointer) {
    removeAll(keepingCapacity: true)
    append(contentsOf: bytes)
  }
}
