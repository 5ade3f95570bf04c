public import CairnKV

extension Engine {
  /// Writes everything that was committed before into segments, and gives the space of its logs back.
  ///
  /// Nobody has to call it: memtables are flushed as they fill, and a store that is left alone for ten seconds does
  /// all of this by itself. It is for the end of a load, for less to be replayed by the next opening, and for
  /// measuring.
  ///
  /// When it returns, all that was committed before the call is durable in segments and value files, `.buffered`
  /// commits too, and an opening replays none of it. Its logs are needed no more; they are removed in the
  /// background. Compactions may follow, and are not waited for. Commits go on meanwhile.
  ///
  /// Costs the writing of what stands in memory, at most three memtables of it, and a few syncs. A store with nothing
  /// in memory and a small log is left as it is.
  ///
  /// - Parameter keepingLogFiles: Whether the files of the logs are kept for the next ones, within the limits
  ///   that hold at all times: for a store that is written on at once. Without, the next log is as small as a new
  ///   store's, and grows with use.
  /// - Throws: `.full` and `.inputOutput` when something could not be written: then nothing is lost, the logs
  ///   remain, and whoever writes next has it tried again; `.storageFailed` when storage had failed before or
  ///   fails meanwhile; `.closed` when the store was closed.
  public func flush(keepingLogFiles: Bool = false) throws(StorageError) {
    _ = try pipeline.commit(flushRequest(keepingLogFiles: keepingLogFiles))
    let newest = tree.state.active.oldestLog
    while isUnflushed(before: newest) { try blockUntilReport { background.whenFlushed($0) } }
    if !keepingLogFiles { background.removeSpares() }
  }

  /// The same without blocking the calling thread.
  public func flush(keepingLogFiles: Bool = false) async throws(StorageError) {
    _ = try await pipeline.commit(flushRequest(keepingLogFiles: keepingLogFiles))
    let newest = tree.state.active.oldestLog
    while isUnflushed(before: newest) { try await awaitReport { background.whenFlushed($0) } }
    if !keepingLogFiles { background.removeSpares() }
  }

  private func flushRequest(keepingLogFiles: Bool) -> CommitRequest {
    CommitRequest(
      .flush(keepingLogFiles: keepingLogFiles), batch: WriteBatch(byteLimit: 0), reads: ReadSet(),
      snapshot: 0,
      durability: .durable)
  }

  /// Whether a memtable waits that is older than the one which begins with `log`. (By the number, not by the
  /// memtables themselves: who holds on to one keeps its memory from being used again.)
  private func isUnflushed(before log: UInt64) -> Bool {
    tree.state.sealed.contains { $0.oldestLog < log }
  }
}
