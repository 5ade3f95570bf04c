import CairnKV

/// Finds out whether somebody else than the owner may change a store's files.
///
/// New directories are made for the owner alone, and so are files. But a store may stand in a directory that somebody
/// else made, or have been copied with other permissions.
enum PermissionCheck {
  /// The first that is found, the directory before its files; `nil` when the owner is alone.
  ///
  /// Costs a look at every file only where others can enter the directory at all.
  static func firstWritableByOthers(in directory: StoreDirectory) throws(StorageError) -> String? {
    guard let own = try directory.fileSystem.information(at: directory.path) else { return nil }
    if own.isWritableByOthers { return directory.path }
    guard own.isEnteredByOthers else { return nil }
    for entry in try directory.entries() {
      let path = directory.path(of: entry)
      // It may have been removed meanwhile.
      if let file = try directory.fileSystem.information(at: path), file.isWritableByOthers { return path }
    }
    return nil
  }
}
