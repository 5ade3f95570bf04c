import CairnKV

/// Opens a store, or creates one: the steps, in the order that makes a crash between any two harmless.
///
/// Nothing that was read is changed. A new log and a new manifest take the place of the old ones, each
/// complete and durable before its name appears; only then are files removed that the new manifest does not
/// list.
struct StoreOpening {
  let directory: StoreDirectory
  let options: EngineOptions
  let environment: Environment
  private let pool: PagePool

  init(directory: StoreDirectory, options: EngineOptions, environment: Environment) {
    self.directory = directory
    self.options = options
    self.environment = environment
    pool = PagePool(limit: options.memtableLimit)
  }

  /// With more logs than this what they hold is flushed, so that their number has a bound.
  private static let greatestKeptLogs = 8

  /// What an open store starts with.
  struct Result {
    var tree: Tree
    var log: FrameWriter
    /// What the earlier logs take that are needed still.
    var keptLogBytes: UInt64
    var buffer: FrameBuffer
  }

  /// - Parameter fileQueue: where files are removed later on.
  func run(fileQueue: any BackgroundQueue) throws(StorageError) -> Result {
    let entries = try directory.entries()
    if let state = try Manifest.load(from: directory) {
      return try reopen(state, entries, fileQueue)
    }
    try checkNothingIsLost(entries)
    guard options.createIfMissing else {
      throw StorageError(
        .invalidArgument, "there is no store, and the options say not to create one", file: directory.path)
    }
    // The directory's own entry must be durable before anything in it counts.
    try directory.fileSystem.synchronizeDirectory(StoreDirectory.parent(of: directory.path))
    return try finish(
      VersionState(
        storeIdentity: VersionEdit.newIdentity(environment.random), formatVersion: options.formatVersion),
      LogRecovery(directory: directory, options: options, pool: pool, lastSequence: 0), entries,
      fileQueue)
  }

  /// A store without a manifest is one whose creation was cut short; but not if there is anything that only a
  /// finished store has.
  private func checkNothingIsLost(_ entries: [StoreDirectory.Entry]) throws(StorageError) {
    let recovery = LogRecovery(directory: directory, options: options, pool: pool, lastSequence: 0)
    for entry in entries {
      switch entry {
      case .segment, .values:
        throw StorageError(
          .corruption, "the manifest is missing, although there are files of data; restore it from a backup",
          file: directory.path(of: entry))
      case .log(let number): try recovery.checkStray(log: number, hasManifest: false)
      case .backup:
        throw StorageError(
          .invalidArgument,
          "the directory holds a backup that was never finished; take the backup again, or open another one",
          file: directory.path)
      case .lock, .manifest, .newManifest, .spare, .unknown: continue
      }
    }
  }

  private func reopen(
    _ state: VersionState, _ entries: [StoreDirectory.Entry], _ fileQueue: any BackgroundQueue
  ) throws(StorageError) -> Result {
    for segment in state.levels.joined() {
      try check(.segment(segment.fileNumber), bytes: segment.fileBytes, "segment")
    }
    for file in state.values.files.values.sorted(by: { $0.fileNumber < $1.fileNumber }) {
      try check(.values(file.fileNumber), bytes: file.fileBytes, "value file")
    }
    var recovery = LogRecovery(
      directory: directory, options: options, pool: pool, lastSequence: state.lastSequence)
    try recovery.replay(state.logs, endingAt: state.logEnd)
    for case .log(let number) in entries where !state.logs.contains(number) && number > (state.logs.last ?? 0)
    {
      try recovery.checkStray(log: number, hasManifest: true)
    }
    return try finish(state, recovery, entries, fileQueue)
  }

  /// Refuses a file that is missing or has another length than the manifest says.
  private func check(
    _ entry: StoreDirectory.Entry, bytes: UInt64, _ kind: String
  ) throws(StorageError) {
    let path = directory.path(of: entry)
    let found = try directory.fileSystem.information(at: path)
    guard let found, found.size == bytes else {
      let what = found.map { "has \($0.size) bytes instead of \(bytes)" } ?? "is missing"
      throw StorageError(
        .corruption, "the \(kind) \(what); restore it from a backup", file: path, offset: found?.size)
    }
  }

  private func finish(
    _ found: VersionState, _ recovery: LogRecovery, _ entries: [StoreDirectory.Entry],
    _ fileQueue: any BackgroundQueue
  ) throws(StorageError) -> Result {
    var state = found
    // What was a backup becomes a store of its own.
    if entries.contains(.backup) { state.storeIdentity = VersionEdit.newIdentity(environment.random) }
    let reclaimer = FileReclaimer(
      directory: directory, queue: fileQueue, time: environment.time, limits: options.removalLimits)
    let logFiles = LogFiles(
      directory: directory, random: environment.random, firstLogBytes: options.firstLogBytes,
      greatestLogBytes: UInt64(options.memtableLimit), reclaimer: reclaimer)
    for case .spare(let number) in entries { try logFiles.adopt(spare: number) }
    let highest = entries.compactMap(\.number).max() ?? 0
    guard max(highest, state.nextFileNumber) < VersionState.greatestFileNumber else {
      throw StorageError(
        .corruption, "a file has an absurd number, or the manifest names one", file: directory.path)
    }
    let logNumber = max(state.nextFileNumber, highest + 1)
    let buffer = FrameBuffer(pool: pool)
    let log = try logFiles.createLog(number: logNumber, predecessor: recovery.newestEnd, buffer: buffer) {
      (writer) throws(StorageError) in
      // What was only in the system's cache is made durable here, in a new place, before anybody can read it.
      try writeCarried(by: recovery, to: writer, buffer)
    }
    let keptLogBytes: UInt64
    let memtables: [Memtable]
    if recovery.carriesAll {
      memtables = [try recovery.memtableOfCarried(newLog: logNumber)]
      state.logs = []
      keptLogBytes = 0
    } else {
      let oldestNeeded = recovery.memtables.first?.oldestLog ?? logNumber
      state.logs.removeAll { $0 < oldestNeeded }
      keptLogBytes = try bytes(ofLogs: state.logs, logFiles)
      // With as much in the logs as a memtable may leave there, what was recovered is flushed now.
      let isFull =
        keptLogBytes > UInt64(options.memtableLimit) || state.logs.count >= Self.greatestKeptLogs
      let fresh = Memtable(oldestLog: logNumber, options, pool: pool)
      memtables = recovery.memtables + (isFull ? [fresh] : [])
    }
    state.add(log: logNumber)
    state.lastSequence = max(state.lastSequence, recovery.lastSequence)
    state.nextFileNumber = logNumber + 1
    let manifest = try Manifest(
      replacingWith: state, directory: directory, random: environment.random,
      leastRolloverBytes: options.leastManifestRolloverBytes)
    removeStrays(entries, state, logFiles, reclaimer)
    let cache = BlockCache(capacityBytes: options.blockCacheBytes)
    let tree = Tree(
      directory: directory, manifest: manifest,
      openSegments: OpenSegments(directory: directory, cache: cache, fileLimit: options.openSegmentLimit),
      logFiles: logFiles,
      openValueFiles: OpenValueFiles(
        directory: directory, cache: cache, fileLimit: options.openValueFileLimit),
      reclaimer: reclaimer, pool: pool,
      memtables: memtables,
      lastSequence: state.lastSequence)
    return Result(tree: tree, log: log, keptLogBytes: keptLogBytes, buffer: buffer)
  }

  /// Writes recovered groups into the new log.
  private func writeCarried(
    by recovery: LogRecovery, to log: FrameWriter, _ buffer: FrameBuffer
  ) throws(StorageError) {
    var frames = CarriedFrames(to: log, buffer)
    try recovery.forEachCarried { (group) throws(StorageError) in
      try frames.append(
        group.kind, firstSequence: group.firstSequence, batchCount: group.batchCount, payload: group.payload)
    }
    try frames.finish()
  }

  private func bytes(ofLogs numbers: [UInt64], _ logFiles: LogFiles) throws(StorageError) -> UInt64 {
    var total: UInt64 = 0
    for number in numbers {
      let bytes = try directory.fileSystem.information(at: directory.path(of: .log(number)))?.size ?? 0
      logFiles.note(log: number, bytes: bytes)
      total += bytes
    }
    return total
  }

  /// What a crash has left, and the logs just let go of. They are removed while the store is in use: nobody has
  /// to wait for it.
  private func removeStrays(
    _ entries: [StoreDirectory.Entry], _ state: VersionState, _ logFiles: LogFiles, _ reclaimer: FileReclaimer
  ) {
    let segments = Set(state.levels.joined().map(\.fileNumber))
    for entry in entries {
      switch entry {
      case .log(let number) where !state.logs.contains(number): try? logFiles.retire(log: number)
      case .segment(let number) where !segments.contains(number): reclaimer.reclaim(entry)
      case .values(let number) where state.values.files[number] == nil: reclaimer.reclaim(entry)
      // The manifest has the store's new identity by now.
      case .backup: reclaimer.reclaim(entry)
      case .log, .segment, .values, .lock, .manifest, .newManifest, .spare, .unknown: continue
      }
    }
  }
}
