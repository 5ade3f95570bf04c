import CairnKV

/// A directory that a backup is taken into. Locked for as long as this is kept.
///
/// What is in it counts by its manifest, which is put in place last, whole. So at any time it holds the earlier backup
/// or the new one; or, before the first is done, the file `BACKUP` and no manifest, which no opening takes for a store.
struct BackupTarget {
  let directory: StoreDirectory
  /// What it consists of, if there is a backup already.
  let known: VersionState?
  let present: Set<StoreDirectory.Entry>
  private let lock: any FileLock

  /// Claims a directory, or makes it.
  /// - Throws: `.invalidArgument` when it holds anything but an earlier backup of this store, or lies in the store;
  ///   `.locked` when somebody has it open.
  init(
    _ path: String, for source: StoreDirectory, _ contents: BackupCut.Contents, _ environment: Environment
  ) throws(StorageError) {
    let path = StoreDirectory.trimmed(path)
    let sourcePath = StoreDirectory.trimmed(source.path)
    guard !path.isEmpty, !path.utf8.contains(0), path != sourcePath, !path.hasPrefix(sourcePath + "/"),
      !sourcePath.hasPrefix(path == "/" ? path : path + "/")
    else {
      throw StorageError(
        .invalidArgument, "a backup needs a directory of its own, neither in the store nor around it",
        file: path)
    }
    directory = StoreDirectory(path: path, fileSystem: environment.fileSystem, time: environment.time)
    if let information = try environment.fileSystem.information(at: path) {
      guard information.isDirectory else {
        throw StorageError(.invalidArgument, "the backup's path is no directory", file: path)
      }
      try Self.checkIsEmptyOrBackup(directory)
    } else {
      try environment.fileSystem.createDirectory(path)
    }
    try environment.fileSystem.synchronizeDirectory(StoreDirectory.parent(of: path))
    lock = try environment.fileSystem.lock(directory.path(of: .lock))
    do throws(StorageError) {
      // Somebody may have had the lock in between.
      try Self.checkIsEmptyOrBackup(directory)
      present = Set(try directory.entries())
      known = try present.contains(.manifest) ? Manifest.load(from: directory) : nil
      if let known { try Self.check(known, against: contents, directory) }
      if !present.contains(.backup) { try Self.mark(directory, contents.state) }
    } catch {
      lock.release()
      throw error
    }
  }

  private static func checkIsEmptyOrBackup(_ directory: StoreDirectory) throws(StorageError) {
    let names = try directory.fileSystem.list(directory.path)
    guard !names.contains(StoreDirectory.backup) else { return }
    if names.contains(StoreDirectory.manifest) {
      throw StorageError(
        .invalidArgument,
        "the directory holds a store that is no backup, or is none any more since it was opened "
          + "for writing; name another one", file: directory.path)
    }
    guard names.allSatisfy({ $0 == StoreDirectory.lock }) else {
      throw StorageError(
        .invalidArgument, "the directory is neither empty nor a backup; name another one",
        file: directory.path)
    }
  }

  private static func check(
    _ known: VersionState, against contents: BackupCut.Contents, _ directory: StoreDirectory
  ) throws(StorageError) {
    guard known.storeIdentity == contents.state.storeIdentity else {
      throw StorageError(
        .invalidArgument, "the directory holds a backup of another store; name another one",
        file: directory.path)
    }
    guard known.lastSequence <= contents.lastSequence else {
      throw StorageError(
        .invalidArgument,
        "the directory holds a backup up to position \(known.lastSequence), and the store ends at "
          + "\(contents.lastSequence): it is an older copy; name another directory", file: directory.path)
    }
  }

  /// From here on the directory is a backup, or one in the making.
  private static func mark(_ directory: StoreDirectory, _ state: VersionState) throws(StorageError) {
    let file = try directory.open(.backup, .create)
    let text = "a backup of store \(hexadecimal(state.storeIdentity))\n"
    try withBytes(of: Array(text.utf8)) { (bytes) throws(StorageError) in try file.write(bytes, at: 0) }
    try directory.synchronize(file)
    try file.close()
    try directory.synchronize()
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// A number that no file has, here or in the store at the cut, and that none had here before: somebody may still be
  /// reading that one.
  func freeNumber(_ state: VersionState) throws(StorageError) -> UInt64 {
    let number = max(
      state.nextFileNumber, known?.nextFileNumber ?? 0, (present.compactMap(\.number).max() ?? 0) &+ 1)
    guard number < VersionState.greatestFileNumber else {
      throw StorageError(.corruption, "a file has an absurd number", file: directory.path)
    }
    return number
  }

  /// Puts the manifest in place: from here on the directory holds the new backup.
  func install(_ state: VersionState, _ environment: Environment) throws(StorageError) {
    // Whatever the manifest lists has its name before the manifest does.
    try directory.synchronize()
    _ = try Manifest(replacingWith: state, directory: directory, random: environment.random)
  }

  /// Removes what is no part of the backup. What cannot be removed means nothing, and the next backup tries again.
  /// - Returns: how many files went.
  func removeStrays(_ state: VersionState) -> Int {
    let segments = Set(state.levels.joined().map(\.fileNumber))
    var count = 0
    for entry in (try? directory.entries()) ?? [] {
      let isStray =
        switch entry {
        case .log(let number): !state.logs.contains(number)
        case .segment(let number): !segments.contains(number)
        case .values(let number): state.values.files[number] == nil
        case .spare: true
        case .lock, .manifest, .newManifest, .backup, .unknown: false
        }
      if isStray, (try? directory.remove(entry)) != nil { count += 1 }
    }
    return count
  }

  func release() { lock.release() }
}
