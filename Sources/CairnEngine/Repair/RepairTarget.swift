import CairnKV

/// The new store that a repair makes.
struct RepairTarget {
  private let directory: StoreDirectory
  private let options: EngineOptions
  private let environment: Environment

  /// - Throws: `.invalidArgument` when something is there already, or when it lies in the source.
  init(
    _ path: String, source: String, _ options: EngineOptions, _ environment: Environment
  ) throws(StorageError) {
    try options.validate()
    let path = StoreDirectory.trimmed(path)
    let source = StoreDirectory.trimmed(source)
    guard !path.isEmpty, !path.utf8.contains(0), path != source, !path.hasPrefix(source + "/") else {
      throw StorageError(
        .invalidArgument, "the new store must be another directory, outside of the old one", file: path)
    }
    if let information = try environment.fileSystem.information(at: path) {
      guard information.isDirectory, try environment.fileSystem.list(path).isEmpty else {
        throw StorageError(
          .invalidArgument, "the new store's directory is not empty; name one that does not exist", file: path
        )
      }
    }
    directory = StoreDirectory(path: path, fileSystem: environment.fileSystem)
    self.options = options
    self.environment = environment
  }

  /// Makes the store, whose sequence numbers begin behind `lastSequence`, with entries in the order of their
  /// keys.
  func write(
    after lastSequence: UInt64,
    _ entries: ((KeyValue) throws(StorageError) -> Void) throws(StorageError) -> Void
  ) throws(StorageError) {
    try environment.fileSystem.createDirectory(directory.path)
    try environment.fileSystem.synchronizeDirectory(StoreDirectory.parent(of: directory.path))
    // A store that has given out these numbers and holds nothing: opening it goes on from there.
    var state = VersionState(
      storeIdentity: VersionEdit.newIdentity(environment.random), formatVersion: options.formatVersion)
    state.lastSequence = lastSequence
    _ = try Manifest(replacingWith: state, directory: directory, random: environment.random)
    let engine = try Engine.open(at: directory.path, options: options, environment: environment)
    do {
      try engine.ingest(into: .all) { ingest in
        try entries { (entry) throws(StorageError) in try ingest.append(key: entry.key, value: entry.value) }
      }
    } catch {
      try? engine.close()
      throw error as? StorageError ?? StorageError(.internalInconsistency, "\(error)", file: directory.path)
    }
    try engine.close()
  }

  /// Removes what was written. What cannot be removed stays; the directory does in any case.
  func discard() {
    for entry in (try? directory.entries()) ?? [] { try? directory.remove(entry) }
    try? environment.fileSystem.synchronizeDirectory(directory.path)
  }
}
