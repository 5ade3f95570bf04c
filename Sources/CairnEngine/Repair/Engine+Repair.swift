public import CairnKV

extension Engine {
  /// Copies everything that is provably good of a damaged store into a new one, and says what is missing.
  ///
  /// The old store is only read: no lock is taken, nothing is recovered in place. Nobody may have it open.
  /// The new one has for each key the newest value that is left, as one commit; its sequence numbers go on
  /// behind the old store's, so that positions in it keep growing.
  ///
  /// *What was removed does not come back.* A part that is lost may have held a removal, or a newer value,
  /// of any key in its range: an entry there that is older than what the part may have held is *doubtful*.
  /// Doubtful entries are counted, told by range, and left out, unless ``RepairOptions/keepsDoubtful`` asks
  /// for them. A lost block concerns the keys between its neighbours, a lost segment those between its
  /// bounds, but lost frames of a log may have concerned any key: then everything older is doubtful.
  ///
  /// *Without a manifest* the files that are in the directory are taken for what the store consisted of.
  /// Those that it had let go of, and that had not been removed yet, cannot be told from the others; they
  /// may bring something back.
  ///
  /// Memory: what the logs hold, all range removals, and for each run of segments that do not overlap one
  /// block and one index. Nothing in a file can make it take more, hang, or crash.
  ///
  /// - Parameters:
  ///   - path: the damaged store.
  ///   - destination: a directory that does not exist, or is empty. Its parent must exist.
  /// - Throws: `.invalidArgument` when there is no store at `path`, or something at `destination`; `.locked`
  ///   when the old store changes meanwhile; what writing the new one throws. Then what was written of it is
  ///   removed again.
  public static func repair(
    from path: String, to destination: String, options: RepairOptions = RepairOptions(),
    environment: Environment = .system
  ) throws(StorageError) -> RepairReport {
    let target = try RepairTarget(destination, source: path, options.engine, environment)
    let source = StoreDirectory(path: path, fileSystem: environment.fileSystem)
    do throws(StorageError) {
      return try StoreRepair(source, options).run { (lastSequence, entries) throws(StorageError) in
        try target.write(after: lastSequence, entries)
      }
    } catch {
      target.discard()
      throw error
    }
  }

  /// The same without blocking the calling thread.
  public static func repair(
    from path: String, to destination: String, options: RepairOptions = RepairOptions(),
    environment: Environment = .system
  ) async throws(StorageError) -> RepairReport {
    try await onBackgroundThread(of: environment.scheduler) { () throws(StorageError) in
      try repair(from: path, to: destination, options: options, environment: environment)
    }
  }
}
