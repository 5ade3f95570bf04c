import CairnKV

/// What a transaction has read, and so depends on.
struct ReadSet: Sendable {
  private(set) var keys: Set<[UInt8]> = []
  private(set) var ranges: [KeyRange] = []

  var isEmpty: Bool { keys.isEmpty && ranges.isEmpty }

  mutating func add(_ key: [UInt8]) { keys.insert(key) }

  mutating func add(_ range: KeyRange) {
    if !range.isEmpty { ranges.append(range) }
  }

  /// The same keys, and what `transform` makes of the ranges.
  func mapRanges(_ transform: (KeyRange) -> KeyRange) -> ReadSet {
    var result = self
    result.ranges = ranges.map(transform).filter { !$0.isEmpty }
    return result
  }

  /// Adds what a scan of `range` has looked at.
  mutating func add(_ range: KeyRange, _ direction: ScanDirection, _ extent: ReadView.ScanExtent) {
    switch (extent, direction) {
    case (.nothing, _): break
    case (.everything, _): add(range)
    case (.through(let key), .ascending): add(KeyRange(from: range.lower, to: key + [0]))
    case (.through(let key), .descending): add(KeyRange(from: key, to: range.upper))
    }
  }
}

extension ReadState {
  /// Whether nothing in `reads` has a version newer than `snapshot`, published or not.
  ///
  /// Sources whose newest entry is not newer are passed over, so that this costs a look into the active
  /// memtable unless the transaction has been running for long.
  func isUnchanged(_ given: ReadSet, since snapshot: UInt64) throws(StorageError) -> Bool {
    // Removing what is not there changes nothing.
    let reads = given.mapRanges { emptyRanges.remainder(of: $0, at: snapshot) }
    for memtable in memtables where memtable.newestSequence > snapshot {
      let removals = memtable.rangeRemovals
      for key in reads.keys {
        let changed = key.withUnsafeBytes {
          memtable.newestSequence(of: $0) > snapshot
            || removals.newestCovering($0, visibleAt: EntryTrailer.greatestSequence) > snapshot
        }
        if changed { return false }
      }
      for range in reads.ranges {
        if removals.hasRemoval(newerThan: snapshot, from: range.lower, to: range.upper) { return false }
        if try memtable.makeCursor().hasEntry(in: range, where: { $0.sequence > snapshot }) { return false }
      }
    }
    if version.newestSequence <= snapshot { return true }
    for segment in version.levels.joined() where segment.properties.largestSequence > snapshot {
      if try isChanged(segment, reads, since: snapshot) { return false }
    }
    return true
  }

  private func isChanged(
    _ segment: SegmentFile, _ reads: ReadSet, since snapshot: UInt64
  ) throws(StorageError) -> Bool {
    let reader = try segment.reader()
    for key in reads.keys {
      let changed = try withBytes(of: key) { (key) throws(StorageError) in
        guard segment.properties.mayContain(key) else { return false }
        if reader.removals.newestCovering(key, visibleAt: EntryTrailer.greatestSequence) > snapshot {
          return true
        }
        let found = try reader.find(key, visibleAt: EntryTrailer.greatestSequence)
        return (found?.sequence ?? 0) > snapshot
      }
      if changed { return true }
    }
    for range in reads.ranges where segment.properties.overlaps(range) {
      if reader.removals.hasRemoval(newerThan: snapshot, from: range.lower, to: range.upper) { return true }
      let cursor = reader.makeCursor(within: range.sharedPrefix)
      if try cursor.hasEntry(in: range, where: { $0.sequence > snapshot }) { return true }
    }
    return false
  }
}
