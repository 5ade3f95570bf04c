import CairnKV

extension CommitWriter {
  /// Gives an ingest its place in the commit order, and makes it part of the store.
  ///
  /// Normative in format-spec.md, "Ingest".
  /// - Returns: its position; `nil`, with nothing changed, when memtables have to be flushed before, which has
  ///   been begun.
  func install(
    _ ingest: PreparedIngest, checkedAt snapshot: UInt64, holdingUpCommits: Bool
  ) throws(StorageError) -> CommitPosition? {
    if let refusal = latch.refusal { throw refusal }
    try makeRoom(sealingEmpty: true)
    if let range = ingest.emptyRange { try checkEmptiness(of: range, since: snapshot) }
    guard try flush(ingest.bounds, waiting: holdingUpCommits) else { return nil }
    let count = UInt64(ingest.sequenceCount)
    try checkSequences(count)
    let base = nextSequence - 1
    let first = CommitPosition(rawValue: nextSequence)
    try logNumbers(of: ingest)
    // From here on they are used, whatever happens.
    nextSequence += count
    do throws(StorageError) {
      try tree.install(ingest, sequenceBase: base)
    } catch {
      throw latch.refusal == nil ? error : Self.unknownOutcome(error, of: "the ingest")
    }
    note(ingest)
    background.scheduleCompaction()
    return first
  }

  private func note(_ ingest: PreparedIngest) {
    let counters = tree.directory.counters
    counters.commits.count()
    counters.logBytes.count(UInt64(FrameFile.pageBytes))
    counters.count { counted in
      counted.ingests.count += 1
      counted.ingests.segmentBytes += ingest.segments.reduce(0) { $0 + $1.fileBytes }
      counted.ingests.valueFileBytes += ingest.valueFiles.reduce(0) { $0 + $1.fileBytes }
    }
  }

  /// What is newer than the look that found the range empty is found as it is for transactions; if there is
  /// something, it may be a removal.
  private func checkEmptiness(of range: KeyRange, since snapshot: UInt64) throws(StorageError) {
    var reads = ReadSet()
    reads.add(range)
    if try tree.state.isUnchanged(reads, since: snapshot) { return }
    try ReadView(tree.reference, snapshot: nextSequence - 1).requireEmpty(range)
  }

  /// Sees to it that no memtable has anything in `range`: memtables are looked at before segments.
  /// - Returns: whether that is so by now. With `waiting` it is.
  private func flush(_ range: KeyRange, waiting: Bool) throws(StorageError) -> Bool {
    if try tree.state.active.overlaps(range) {
      if waiting { try background.waitForRoom() }
      if tree.state.sealed.count < BackgroundWork.greatestSealedMemtables { try beginLog(sealing: true) }
      background.scheduleFlush()
    }
    while try tree.state.overlapsInMemory(range) {
      if !waiting { return false }
      try blockUntilReport { background.whenFlushed($0) }
    }
    return true
  }

  /// Without this the numbers would be missing in the log.
  private func logNumbers(of ingest: PreparedIngest) throws(StorageError) {
    buffer.removeAll()
    try log.reserve(payloadBytes: 0)
    do throws(StorageError) {
      try log.append(
        .ingest, firstSequence: nextSequence, batchCount: ingest.sequenceCount,
        synchronizing: true)
    } catch {
      // The ingest did not happen, but what the log holds is not known.
      latch.trip(error)
      throw latch.refusal ?? error
    }
  }
}

extension ReadState {
  /// Whether a memtable has anything in `range`.
  func overlapsInMemory(_ range: KeyRange) throws(StorageError) -> Bool {
    for memtable in memtables where try memtable.overlaps(range) { return true }
    return false
  }
}
