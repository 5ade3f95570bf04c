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

  /// The value of `key`, looked for from the newest source to the oldest: the first that has anything on it
  /// decides.
  func get(_ key: UnsafeRawBufferPointer) throws(StorageError) -> [UInt8]? {
    switch try decision(on: key) {
    case .value(let value): value
    case .handle(let handle): try state.version.read(handle)
    case .absent, nil: nil
    }
  }

  /// What the newest source that knows of `key` says about it.
  func decision(on key: UnsafeRawBufferPointer) throws(StorageError) -> Decision? {
    guard key.count <= StorageLimits.keyBytes else {
      throw StorageError(.keyTooLong, "a key of \(key.count) bytes; the longest is \(StorageLimits.keyBytes)")
    }
    if let decided = decision(state.active, key, visibleAt: snapshot) { return decided }
    for memtable in state.sealed {
      if let decided = decision(memtable, key, visibleAt: snapshot) { return decided }
    }
    let hash = KeyHash.hash(key)
    for segment in state.version.levels[0] where segment.properties.mayContain(key) {
      if let decided = try decision(segment, key, hash) { return decided }
    }
    for level in 1..<state.version.levels.count {
      guard let segment = state.version.segment(of: level, containing: key) else { continue }
      if let decided = try decision(segment, key, hash) { return decided }
    }
    return nil
  }

  /// What a source says about a key that it knows of.
  enum Decision {
    case absent
    case value([UInt8])
    /// The value is in a value file.
    case handle(ValueHandle)
  }

  /// What a transaction's own writes say about a key, if anything.
  func decision(_ own: OwnWrites, _ key: UnsafeRawBufferPointer) -> Decision? {
    decision(own.memtable, key, visibleAt: own.newestSequence)
  }

  @inline(__always)
  private func decision(_ memtable: Memtable, _ key: UnsafeRawBufferPointer, visibleAt sequence: UInt64)
    -> Decision?
  {
    let covered =
      memtable.rangeRemovalCount == 0 ? 0 : memtable.rangeRemovals.newestCovering(key, visibleAt: sequence)
    return decision(memtable.find(key, visibleAt: sequence), coveredBy: covered)
  }

  @inline(__always)
  private func decision(
    _ segment: SegmentFile, _ key: UnsafeRawBufferPointer, _ hash: UInt64
  ) throws(StorageError) -> Decision? {
    let reader = try segment.reader()
    let covered = segment.hasRangeRemovals ? reader.removals.newestCovering(key, visibleAt: snapshot) : 0
    return decision(try reader.find(key, hash: hash, visibleAt: snapshot), coveredBy: covered)
  }

  @inline(__always)
  private func decision(_ found: PointLookup?, coveredBy removal: UInt64) -> Decision? {
    switch found {
    case .value(let value, let sequence) where sequence > removal: .value(value)
    case .handle(let handle, let sequence) where sequence > removal: .handle(handle)
    case .value, .handle, .removal: .absent
    case nil: removal > 0 ? .absent : nil
    }
  }

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
    for memtable in state.memtables { add(memtable, visibleAt: snapshot) }
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

  /// Calls `visit` with the entries of `range`.
  func scan(
    _ range: KeyRange, _ direction: ScanDirection, limit: Int?, own: OwnWrites?,
    _ visit: (KeyValue) -> ScanStep
  ) throws(StorageError) -> ScanExtent {
    if let limit, limit < 0 { throw StorageError(.invalidArgument, "a scan's limit of \(limit) is below 0") }
    var remaining = limit ?? .max
    if range.isEmpty || remaining == 0 { return .nothing }
    let cursor = try cursor(range, own: own)
    if direction == .ascending { try cursor.seekToFirst() } else { try cursor.seekToLast() }
    while cursor.isValid {
      let entry = KeyValue(key: cursor.key, value: try cursor.value)
      remaining -= 1
      if visit(entry) == .stop || remaining == 0 { return .through(entry.key) }
      try cursor.advance()
    }
    return .everything
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
