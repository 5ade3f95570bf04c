public import CairnKV

extension Engine {
  /// The format version of the store's files.
  public var formatVersion: FormatVersion { tree.manifest.state.formatVersion }

  /// Raises the store's format version. Nothing else is rewritten but the manifest: commits and reads go on.
  ///
  /// *There is no way back*: programs that do not know `version` refuse the store from then on. Durable when it returns;
  /// a crash before that leaves the old version or the new one. With the version that the store has already it does
  /// nothing.
  /// - Throws: `.invalidArgument` when the store's version is higher; `.full` when there is no room for a new manifest,
  ///   and then nothing has changed; `.storageFailed` when storage had failed before; `.closed` when the store was
  ///   closed.
  public func ratchetFormat(to version: FormatVersion) throws(StorageError) {
    try tree.checkOpen()
    let current = formatVersion
    guard version >= current else {
      throw StorageError(
        .invalidArgument,
        "the store has format version \(current.rawValue), and cannot go back to \(version.rawValue); repair it into a "
          + "new one of that version, or open a backup", file: tree.directory.path)
    }
    try tree.ratchetFormat(to: version)
  }

  /// The same without blocking the calling thread.
  public func ratchetFormat(to version: FormatVersion) async throws(StorageError) {
    try await onBackgroundThread(of: environment.scheduler) { () throws(StorageError) in
      try self.ratchetFormat(to: version)
    }
  }
}
