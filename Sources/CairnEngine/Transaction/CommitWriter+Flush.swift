import CairnKV

extension CommitWriter {
  /// Puts all that is committed aside to be flushed, and goes on in a new log.
  ///
  /// With nothing in memory, and a log no larger than a new store's, there is nothing to be gained.
  func beginFlush(keepingLogFiles: Bool) throws(StorageError) {
    if let refusal = latch.refusal { throw refusal }
    if !keepingLogFiles { tree.logFiles.removeSpares() }
    let holdsSpace = !keepingLogFiles && tree.logFiles.listed.bytes > tree.logFiles.firstLogBytes
    guard !tree.state.active.isEmpty || holdsSpace else { return background.scheduleFlush() }
    try background.waitForRoom()
    try beginLog(sealing: true, startsSmall: !keepingLogFiles)
    background.scheduleFlush()
  }
}
