public import CairnKV

extension Engine {
  /// Writes the store as it is now into another directory, from which it can be opened, while reads and commits go on.
  ///
  /// *What it holds:* every commit that had been acknowledged when the call was made, `.buffered` ones too, perhaps some
  /// that were made meanwhile, and never one without all before it. ``BackupReport/position`` says how far it goes.
  ///
  /// *How:* segments and value files, which are never changed, get a second name in the backup (a hard link) where it
  /// is on the same file system, and are copied where it is not. What has not been flushed is written as a log of its
  /// own. No file that is written again is shared. Commits wait for as long as it takes to sync the log.
  ///
  /// *Into the same directory again* it brings only what is new. The earlier backup stays whole until the new one is,
  /// whatever happens meanwhile; then files that are no part of the new one are removed. A backup that was cut
  /// short is continued by the next one, and is not taken for a store by anybody.
  ///
  /// *Restoring is opening* the directory, or a copy of it (copy all of its files). A backup that is opened for writing
  /// becomes a store of its own, which has nothing to do with the one it came from, and no backup of either goes into the
  /// other's. To look into a backup and keep it one, open it with ``ReadOnlyEngine``.
  ///
  /// A backup by hard links is as safe as the disk. For one that is to survive damage to the store's files name a
  /// directory on another disk, or set ``BackupOptions/copiesEverything``. It is not verified: ``verify(at:_:violationLimit:control:environment:)``
  /// does that.
  ///
  /// - Parameters:
  ///   - path: a directory that does not exist, or is empty, or holds an earlier backup of this store. Its parent must
  ///     exist. It is created with permissions 0700.
  /// - Returns: what the backup holds.
  /// - Throws: `.invalidArgument` when the directory is something else, or holds a backup of another store or of a later
  ///   state; `.locked` when somebody has it open or takes a backup into it; `.full` and `.inputOutput` when something
  ///   could not be read or written: the store goes on as if nothing had been tried; `.storageFailed` when the store takes
  ///   no more writes; `.closed` when it was closed.
  @discardableResult
  public func backup(
    to path: String, options: BackupOptions = BackupOptions()
  ) throws(StorageError) -> BackupReport {
    let cut = BackupCut()
    _ = try pipeline.commit(cutRequest(cut))
    return try writeBackup(of: cut, to: path, options)
  }

  /// The same without blocking the calling thread.
  @discardableResult
  public func backup(
    to path: String, options: BackupOptions = BackupOptions()
  ) async throws(StorageError) -> BackupReport {
    let cut = BackupCut()
    _ = try await pipeline.commit(cutRequest(cut))
    return try await onBackgroundThread(of: environment.scheduler) { () throws(StorageError) in
      try self.writeBackup(of: cut, to: path, options)
    }
  }

  private func cutRequest(_ cut: BackupCut) -> CommitRequest {
    CommitRequest(
      .cut(cut), batch: WriteBatch(byteLimit: 0), reads: ReadSet(), snapshot: 0, durability: .durable)
  }

  private func writeBackup(
    of cut: BackupCut, to path: String, _ options: BackupOptions
  ) throws(StorageError) -> BackupReport {
    do throws(StorageError) {
      guard let contents = cut.take() else {
        throw StorageError(.internalInconsistency, "a backup has nothing to be taken from")
      }
      return try StoreBackup(source: tree.directory, environment: environment).write(
        contents, to: path, options)
    } catch {
      // The files may be another opener's by now.
      try tree.checkOpen()
      throw error
    }
  }
}
