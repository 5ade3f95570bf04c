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

  let state: ReadState
  let snapshot: UInt64

  /// The visible entries of `range`.
  func cursor(_ range: KeyRange, own: OwnWrites?) throws(StorageError) -> VisibleCursor {
    var sources: [SourceCursor] = []
    var removals: [VisibleCursor.Removals] = []
    func add(_ memtable: Memtable, visibleAt sequence: UInt64) {
      if memtable.entryCount > 0 { sources.append(memtable.makeCursor()) }
      if memtable.rangeRemovalCount > 0 {
        removals.append(.init(tombstones: memtable.rangeRemovals, visibleAt: sequence))
      }
    }
    if let own { add(own.memtable, visibleAt: own.newestSequence) }
    add(state.active, visibleAt: snapshot)
    for memtable in state.sealed { add(memtable, visibleAt: snapshot) }
    // What a filter keeps out has no entry in the range. Its range removals count all the same.
    let prefix = range.sharedPrefix
    for level in state.version.levels.indices {
      let segments = state.version.segments(of: level, overlapping: range)
      for segment in segments where segment.hasRangeRemovals {
        removals.append(.init(tombstones: try segment.reader().removals, visibleAt: snapshot))
      }
      if level == 0 {
        for segment in segments {
          let reader = try segment.reader()
          if prefix.withUnsafeBytes({ reader.mayContain(prefix: $0) }) { sources.append(reader.makeCursor()) }
        }
      } else if !segments.isEmpty {
        sources.append(LevelCursor(segments, prefix: prefix))
      }
    }
    let source = sources.count == 1 ? sources[0] : MergingCursor(sources)
    return VisibleCursor(
      source, snapshot: snapshot, newestOwn: own?.newestSequence ?? 0, removals: removals, range: range,
      version: state.version,
      guide: EmptyRangeGuide(
        known: state.emptyRanges, snapshot: snapshot, active: state.active, own: own?.memtable))
  }

  /// Moves a cursor through `range`, and calls `visit` with it at each entry.
  private func walk(
    _ range: KeyRange, _ direction: ScanDirection, limit: Int?, own: OwnWrites?,
    _ visit: (borrowing VisibleCursor) throws(StorageError) -> ScanStep
  ) throws(StorageError) -> ScanExtent {
    if let limit, limit < 0 { throw StorageError(.invalidArgument, "a scan's limit of \(limit) is below 0") }
    var remaining = limit ?? .max
    if range.isEmpty || remaining == 0 { return .nothing }
    var cursor = try cursor(range, own: own)
    if direction == .ascending { try cursor.seekToFirst() } else { try cursor.seekToLast() }
    while cursor.isValid {
      remaining -= 1
      if try visit(cursor) == .stop || remaining == 0 { return .through([UInt8](cursor.key)) }
      try cursor.advance()
    }
    return .everything
  }

  /// Calls `visit` with a copy of each entry of `range`.
  func scan(
    _ range: KeyRange, _ direction: ScanDirection, limit: Int?, own: OwnWrites?,
    _ visit: (KeyValue) -> ScanStep
  ) throws(StorageError) -> ScanExtent {
    try walk(range, direction, limit: limit, own: own) { (cursor) throws(StorageError) in
      visit(try cursor.entry)
    }
  }

  /// Lends each entry of `range` to `visit`.
  func forEachEntry(
    in range: KeyRange, _ direction: ScanDirection, limit: Int?, own: OwnWrites?,
    _ visit: (RawSpan, RawSpan) -> ScanStep
  ) throws(StorageError) -> ScanExtent {
    try walk(range, direction, limit: limit, own: own) { (cursor) throws(StorageError) in
      try cursor.lend(to: visit)
    }
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
