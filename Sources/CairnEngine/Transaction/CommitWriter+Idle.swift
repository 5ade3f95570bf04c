import CairnKV

/// What a quiet store gives back. The caller has the lead, so that nobody commits meanwhile.
extension CommitWriter {
  /// What logs and spares may take, and what range removals in memory may cover, without anything being done.
  ///
  /// Greater than the first log, so that a store that is written a little, now and then, is flushed when that has
  /// added up to this, and not after every commit.
  private static let toleratedBytes: UInt64 = 1 << 20

  /// Lets go of spares, and flushes the memtable onto a small log if that gives space back: the logs', or that of
  /// segments and value files which only its range removals hide. Then the background looks for what is dead in
  /// files.
  func giveBackSpace() {
    if tree.directory.latch.refusal != nil { return }
    defer { background.giveBackSpace() }
    tree.pool.removeAll()
    let state = tree.state
    let idleness = EngineEvent.Idleness(
      logBytes: tree.logFiles.listed.bytes, spareBytes: tree.logFiles.spareBytes,
      coveredBytes: state.version.bytesCovered(by: state.active.rangeRemovals))
    let covers = idleness.coveredBytes >= Self.toleratedBytes
    guard covers || idleness.logBytes + idleness.spareBytes > Self.toleratedBytes else { return }
    tree.directory.events.emit(.idleWorkBegan(idleness))
    tree.logFiles.removeSpares()
    if covers || idleness.logBytes > Self.toleratedBytes {
      do throws(StorageError) {
        // A flush that is still to be done is as good: the logs go with it.
        if state.sealed.count < BackgroundWork.greatestSealedMemtables {
          try beginLog(sealing: true, startsSmall: true)
        }
      } catch {
        // Nothing has changed, or the latch has been tripped, and whoever commits next is told.
        tree.directory.events.emit(.backgroundFailed(.idleWork, error))
      }
    }
  }
}

extension Version {
  /// What the segments take, with the values that they refer to, that range removals newer than all of them hide
  /// whole.
  func bytesCovered(by removals: RangeTombstoneSet) -> UInt64 {
    if removals.isEmpty { return 0 }
    // They are above every level.
    let cover = RemovalCover(removals.all.map { .init(removal: $0, level: -1) })
    return levels.enumerated().reduce(0) { sum, element in
      let (level, segments) = element
      let covered =
        level == 0
        ? segments.filter { cover.covers($0.properties, level: 0) }
        : cover.covered(of: segments, level: level)
      return covered.reduce(sum) { $0 &+ $1.properties.fileBytes &+ $1.properties.referencedBytes }
    }
  }
}
