import CairnKV

/// Reads of the tree as it was at one moment, at one sequence number, with a transaction's own writes on
/// top if it has any.
struct ReadView {
  /// What a transaction has written itself, up to some operation.
  struct OwnWrites {
    var memtable: Memtable
    /// The sequence number of the last operation that is seen.
    var newestSequence: UInt64
  }

  /// How much of its range a scan has looked at.
  enum ScanExtent {
    case nothing
    /// From where it began to this key.
    case through([UInt8])
    case everything
  }

  private let reference: StateReference
  let snapshot: UInt64

  init(_ reference: StateReference, snapshot: UInt64) {
    self.reference = reference
    self.snapshot = snapshot
  }

  @inline(__always)
  var state: ReadState { reference.state }

  /// The visible entries of `range`.
  func cursor(_ range: KeyRange, own: OwnWrites?) throws(StorageError) -> VisibleCursor {
    var sources = CursorList()
    var removals: [VisibleCursor.Removals] = []
    func add(_ memtable: Memtable, visibleAt sequence: UInt64) {
      if memtable.entryCount > 0 { sources.add(memtable.makeCursor()) }
      if memtable.rangeRemovalCount > 0 {
        removals.append(.init(tombstones: memtable.rangeRemovals, visibleAt: sequence))
      }
    }
    if let own { add(own.memtable, visibleAt: own.newestSequence) }
    add(state.active, visibleAt: snapshot)
    for memtable in state.sealed { add(memtable, visibleAt: snapshot) }
    // What a filter keeps out has no entry in the range. Its range removals count all the same.
    let prefix = range.sharedPrefix
    func addRemovals(of segment: SegmentFile) throws(StorageError) {
      guard segment.hasRangeRemovals else { return }
      removals.append(.init(tombstones: try segment.reader().removals, visibleAt: snapshot))
    }
    for segment in state.version.levels[0] where segment.properties.overlaps(range) {
      try addRemovals(of: segment)
      let reader = try segment.reader()
      if prefix.withUnsafeBytes({ reader.mayContain(prefix: $0) }) { sources.add(reader.makeCursor()) }
    }
    for level in 1..<state.version.levels.count where !state.version.levels[level].isEmpty {
      let segments = state.version.segments(of: level, overlapping: range)
      for segment in segments { try addRemovals(of: segment) }
      if !segments.isEmpty { sources.add(LevelCursor(segments, prefix: prefix)) }
    }
    return VisibleCursor(
      sources.merged, snapshot: snapshot, newestOwn: own?.newestSequence ?? 0, removals: removals,
      range: range,
      version: state.version,
      guide: EmptyRangeGuide(
        known: state.emptyRanges, snapshot: snapshot, active: state.active, own: own?.memtable))
  }

  /// Moves a cursor through `range`, and calls `visit` with it at each entry.
  /// - Parameter tellsExtent: whether the caller wants to know how far it came, which costs a copy of a key;
  ///   without, it came to the end as far as one can tell.
  /// - Parameter visitRun: visits what can be visited without moving the cursor entry by entry, and says whether that
  ///   was enough.
  @inline(__always)
  private func walk(
    _ range: KeyRange, _ direction: ScanDirection, limit: Int?, own: OwnWrites?, tellsExtent: Bool,
    visitRun: (borrowing VisibleCursor, inout Int) -> Bool = { _, _ in false },
    _ visit: (borrowing VisibleCursor) throws(StorageError) -> ScanStep
  ) throws(StorageError) -> ScanExtent {
    if let limit, limit < 0 { throw StorageError(.invalidArgument, "a scan's limit of \(limit) is below 0") }
    var remaining = limit ?? .max
    if range.isEmpty || remaining == 0 { return .nothing }
    var cursor = try cursor(range, own: own)
    if direction == .ascending { try cursor.seekToFirst() } else { try cursor.seekToLast() }
    while cursor.isValid {
      remaining -= 1
      if try visit(cursor) == .stop || remaining == 0 || visitRun(cursor, &remaining) || remaining == 0 {
        return tellsExtent ? .through([UInt8](cursor.key)) : .everything
      }
      try cursor.advance()
    }
    return .everything
  }

  /// Calls `visit` with a copy of each entry of `range`.
  func scan(
    _ range: KeyRange, _ direction: ScanDirection, limit: Int?, own: OwnWrites?, tellsExtent: Bool = false,
    _ visit: (KeyValue) -> ScanStep
  ) throws(StorageError) -> ScanExtent {
    try walk(range, direction, limit: limit, own: own, tellsExtent: tellsExtent) {
      (cursor) throws(StorageError) in
      visit(try cursor.entry)
    }
  }

  /// Lends each entry of `range` to `visit`.
  func forEachEntry(
    in range: KeyRange, _ direction: ScanDirection, limit: Int?, own: OwnWrites?,
    tellsExtent: Bool = false, _ visit: (RawSpan, RawSpan) -> ScanStep
  ) throws(StorageError) -> ScanExtent {
    try walk(
      range, direction, limit: limit, own: own, tellsExtent: tellsExtent,
      visitRun: { $0.visitRun(&$1, visit) },
      { (cursor) throws(StorageError) in try cursor.lend(to: visit) })
  }

  /// The outermost entry of `range` on one side.
  func one(
    in range: KeyRange, _ direction: ScanDirection, own: OwnWrites?
  ) throws(StorageError) -> KeyValue? {
    var found: KeyValue?
    _ = try scan(range, direction, limit: 1, own: own) { entry in
      found = entry
      return .stop
    }
    return found
  }
}
