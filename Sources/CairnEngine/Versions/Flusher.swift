import CairnKV

/// Turns the oldest sealed memtable into a segment of level 0, with a value file if it holds large values,
/// and lets go of the logs that only it needed.
struct Flusher {
  let tree: Tree
  let random: any RandomSource
  let segmentOptions: SegmentOptions
  let valueThreshold: Int
  let valueOptions: ValueFileOptions
  var helper: CompressionThread?

  /// - Returns: whether there was a memtable to flush.
  func flushOldest() throws(StorageError) -> Bool {
    let state = tree.state
    guard let memtable = state.sealed.last else { return false }
    let following = state.sealed.dropLast().last ?? state.active
    var edit = VersionEdit()
    edit.oldestLog = following.oldestLog
    edit.lastSequence = memtable.newestSequence
    if !memtable.isEmpty {
      let removals = memtable.rangeRemovals
      var output = SegmentOutput(
        directory: tree.directory, random: random, segmentOptions: segmentOptions, targetBytes: .max,
        allocateFileNumber: tree.allocateFileNumber)
      output.valueThreshold = valueThreshold
      output.valueOptions = valueOptions
      output.helper = helper
      let snapshots = tree.snapshots.live
      // What is below was flushed before. A compaction that runs meanwhile moves it about, and adds no key.
      let sieve = EntrySieve(snapshots: snapshots, removals: removals) { key in
        !state.version.mayContain(key, from: 0)
      }
      let kept = removals.fragmented(snapshots: snapshots).filter { removal in
        let range = KeyRange(from: removal.lower, to: removal.upper)
        return EntrySieve.stripe(of: removal.sequence, snapshots) > 0
          || state.version.overlaps(range, from: 0)
      }
      let written = try output.write(memtable.makeCursor(), sieve, removals: kept)
      edit.addedSegments = written.segments.map { VersionEdit.AddedSegment(level: 0, properties: $0) }
      edit.addedValueFiles = written.valueFiles
      edit.addedOrigins = written.valueFiles.compactMap { ValueLiveness($0) }
    }
    let logs = tree.manifest.state.logs
    try tree.apply(edit, flushed: memtable)
    for number in logs where number < following.oldestLog {
      // A log that cannot be removed now is a stray, which the next opening removes.
      try? tree.logFiles.retire(log: number)
    }
    return true
  }
}
