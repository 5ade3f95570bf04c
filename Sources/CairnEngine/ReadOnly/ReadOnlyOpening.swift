import CairnKV

/// Reads what a store consists of without writing anything to it, while somebody else may be writing.
///
/// What is read at one moment may be gone at the next: the manifest is replaced, logs are recycled, files removed. The
/// order makes what was read consistent:
///
/// 1. The manifest is read, and every file that it lists is opened. If one is gone, the manifest is out of date.
/// 2. The logs are read. A log that was recycled meanwhile has another header page, which is written before anything
///    else in it: if the header is the same afterwards, so was everything that was read.
///
/// What fails is tried again, since a writer at work can make a file look damaged for a moment. What fails in the same
/// way at the same place twice, with the same manifest, is damage.
struct ReadOnlyOpening {
  let directory: StoreDirectory
  let files: PinnedFiles
  let options: EngineOptions
  let environment: Environment
  let openSegments: OpenSegments
  let openValueFiles: OpenValueFiles

  /// So often the store may have changed under the reader.
  private static let greatestAttempts = 256

  /// - Parameter former: what was found last, whose open segments are used again.
  func run(replacing former: ReadOnlyState?) throws(StorageError) -> ReadOnlyState {
    var last: (manifest: VersionState?, error: StorageError)?
    // What one attempt has opened the next one need not: so that each has less to do than the one before, and less
    // can change under it.
    var pins: PinnedFiles.Pins?
    for _ in 0..<Self.greatestAttempts {
      var manifest: VersionState?
      do throws(StorageError) {
        let found = try loadManifest()
        manifest = found
        if let state = try read(found, replacing: former, &pins) { return state }
        last = nil
      } catch {
        let isTransient = error.code == .corruption || error.isMissingFile
        guard isTransient else { throw error }
        if let last, last.error == error, last.manifest == manifest { throw Self.explained(error) }
        last = (manifest, error)
      }
    }
    throw StorageError(
      .locked, "the store changes faster than it can be read; try again, or read it where it is open",
      file: directory.path)
  }

  private static func explained(_ error: StorageError) -> StorageError {
    guard error.isMissingFile else { return error }
    return StorageError(
      .corruption, "a file that the manifest lists is missing; restore it from a backup", file: error.file,
      systemError: error.systemError)
  }

  private func loadManifest() throws(StorageError) -> VersionState {
    if let state = try Manifest.load(from: directory) { return state }
    guard let information = try directory.fileSystem.information(at: directory.path), information.isDirectory
    else { throw StorageError(.invalidArgument, "there is no store", file: directory.path) }
    let entries = try directory.entries()
    // It may have been put there since.
    if let state = try Manifest.load(from: directory) { return state }
    if entries.contains(.backup) {
      throw StorageError(
        .invalidArgument, "the directory holds a backup that was never finished", file: directory.path)
    }
    let isLost = entries.contains { entry in
      switch entry {
      case .segment, .values: true
      case .lock, .manifest, .newManifest, .backup, .log, .spare, .unknown: false
      }
    }
    throw isLost
      ? StorageError(
        .corruption, "the manifest is missing, although there are files of data; restore it from a backup",
        file: directory.path(of: .manifest))
      : StorageError(.invalidArgument, "the directory holds no store", file: directory.path)
  }

  /// - Returns: `nil` when the store has changed meanwhile.
  private func read(
    _ manifest: VersionState, replacing former: ReadOnlyState?, _ held: inout PinnedFiles.Pins?
  ) throws(StorageError) -> ReadOnlyState? {
    let logs = manifest.logs.map { StoreDirectory.Entry.log($0) }
    let segments = manifest.levels.joined().map {
      (StoreDirectory.Entry.segment($0.fileNumber), $0.fileBytes)
    }
    let values = manifest.values.files.values.map {
      (StoreDirectory.Entry.values($0.fileNumber), $0.fileBytes)
    }
    let listed = segments + values
    let pins = try files.pin(Set((logs + listed.map(\.0)).map { directory.path(of: $0) }))
    for (entry, bytes) in listed where pins.opened.contains(directory.path(of: entry)) {
      let found = try directory.open(entry, .read).size()
      guard found == bytes else {
        throw StorageError(
          .corruption, "the file has \(found) bytes instead of \(bytes); restore it from a backup",
          file: directory.path(of: entry), offset: found)
      }
    }
    held = pins
    let headers = try logs.map { (entry) throws(StorageError) in try header(of: entry) }
    let isLive = try self.isLive()
    // What a process that died has left may be in the system's cache only. Here it is made durable, before anybody acts
    // on it; while somebody has the store open only what is known to be durable counts.
    if !isLive, manifest.logEnd == nil, let newest = logs.last {
      try directory.open(newest, .read).synchronize()
    }
    var recovery = LogRecovery(
      directory: directory, options: options, pool: PagePool(limit: 0), lastSequence: manifest.lastSequence,
      takesVouchedOnly: isLive)
    let outcome = Result { () throws(StorageError) in
      try recovery.replay(manifest.logs, endingAt: manifest.logEnd)
    }
    let headersAfter = try logs.map { (entry) throws(StorageError) in try header(of: entry) }
    guard headers == headersAfter, try self.isLive() == isLive else { return nil }
    try outcome.get()
    let newestFirst = recovery.memtables.reversed()
    let version = (former?.reference.state.version ?? Version(levels: [])).successor(
      manifest,
      makeValueFile: { ValueFile($0, openFiles: openValueFiles, reclaimer: nil) },
      makeSegment: { SegmentFile($0, openSegments: openSegments, reclaimer: nil) })
    let state = ReadState(
      active: newestFirst.first ?? Memtable(oldestLog: 0), sealed: Array(newestFirst.dropFirst()),
      version: version, emptyRanges: EmptyRanges(lastSequence: recovery.lastSequence))
    return ReadOnlyState(
      StateReference(state), sequence: recovery.lastSequence, isLive: isLive, manifest: manifest,
      monotonicNanoseconds: environment.time.monotonicNanoseconds(), pins: pins)
  }

  func isLive() throws(StorageError) -> Bool {
    try directory.fileSystem.isLocked(directory.path(of: .lock))
  }

  /// A log's header page; `nil` while it is not whole, which is when the log is being recycled.
  private func header(of entry: StoreDirectory.Entry) throws(StorageError) -> FrameFileHeader? {
    let file = try directory.open(entry, .read)
    do throws(StorageError) {
      return try FrameReader(file, purpose: .log).header
    } catch {
      guard error.code == .corruption else { throw error }
      return nil
    }
  }

  /// Up to which sequence number the store is known to be durable now. Reads the manifest and the newest log.
  func newestSequence() throws(StorageError) -> UInt64 {
    let manifest = try loadManifest()
    guard let number = manifest.logs.last else { return manifest.lastSequence }
    let file = try directory.fileSystem.openFile(directory.path(of: .log(number)), .read)
    let end = try isLive() ? LogRecovery.vouchedEnd(of: file, endingAt: manifest.logEnd) : nil
    let reader = try FrameReader(file, purpose: .log, end: manifest.logEnd)
    var newest = manifest.lastSequence
    while let frame = try reader.next() {
      if let end, frame.end > end { break }
      guard frame.header.kind != .seal, let count = BatchGroup.operationCount(of: frame) else { continue }
      newest = max(newest, frame.header.firstSequence + count - 1)
    }
    return newest
  }
}
