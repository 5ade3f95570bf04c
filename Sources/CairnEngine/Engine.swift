public import CairnKV

/// An embedded, transactional, ordered key-value store in one directory.
///
/// What it promises is said in ``CairnKV/KeyValueStore``. One process at a time has a store open, through
/// one `Engine`, which any number of threads and tasks may use at once. Opening, closing and what
/// commits exist in a blocking form, for threads, and an `async` form, for tasks, which never makes a thread
/// of the cooperative pool wait for the disk's sync. Reads, and the bodies of transactions, run on the
/// caller's thread in both; they may read a block from the disk.
public final class Engine: KeyValueStore {
  let tree: Tree
  let pipeline: CommitPipeline
  let background: BackgroundWork
  let compressionThread: CompressionThread
  let lowWater: LowWaterMark
  private let leaderQueue: any BackgroundQueue
  private let lock: any FileLock
  let options: EngineOptions
  let environment: Environment

  // MARK: Opening and closing

  /// Opens the store in the directory at `path`, creating it if need be. The parent directory must exist.
  ///
  /// Takes time in proportion to what had not been flushed, not to what the store holds.
  /// - Throws: `.locked` when somebody has it open, `.corruption` and `.unsupportedFormat` when its files
  ///   are not as they were left, `.inputOutput` and `.full` when the system refuses something.
  public static func open(
    at path: String, options: EngineOptions = EngineOptions(), environment: Environment = .system
  ) throws(StorageError) -> Engine {
    try Engine(path, options, environment)
  }

  /// The same without blocking the calling thread.
  public static func open(
    at path: String, options: EngineOptions = EngineOptions(), environment: Environment = .system
  ) async throws(StorageError) -> Engine {
    try await onBackgroundThread(of: environment.scheduler) { () throws(StorageError) in
      try Engine(path, options, environment)
    }
  }

  private init(_ givenPath: String, _ options: EngineOptions, _ environment: Environment) throws(StorageError)
  {
    try options.validate()
    guard !givenPath.isEmpty, !givenPath.utf8.contains(0) else {
      throw StorageError(.invalidArgument, "the store's path is empty or holds a zero byte")
    }
    // The directory's parent is what stands before the last slash.
    let trimmed = StoreDirectory.trimmed(givenPath)
    let directory = StoreDirectory(
      path: trimmed, fileSystem: environment.fileSystem, time: environment.time)
    if options.createIfMissing {
      try environment.fileSystem.createDirectory(trimmed)
    } else if try environment.fileSystem.information(at: trimmed) == nil {
      throw StorageError(
        .invalidArgument, "there is no store, and the options say not to create one", file: trimmed)
    }
    let lock = try environment.fileSystem.lock(directory.path(of: .lock))
    let fileQueue = environment.scheduler.makeQueue(label: "cairn-files")
    let opened: StoreOpening.Result
    do throws(StorageError) {
      opened = try StoreOpening(directory: directory, options: options, environment: environment).run(
        fileQueue: fileQueue)
    } catch {
      fileQueue.drainAndStop()
      lock.release()
      throw error
    }
    // Not to know is no reason not to open.
    if let path = try? PermissionCheck.firstWritableByOthers(in: directory) {
      directory.events.emitAtOpening(.writableByOthers(path: path))
    }
    compressionThread = CompressionThread(scheduler: environment.scheduler)
    let flusher = Flusher(
      tree: opened.tree, random: environment.random,
      segmentOptions: options.flushedSegments, valueThreshold: options.valueThreshold,
      valueOptions: ValueFileOptions(compressionLevel: options.compressionLevel),
      helper: compressionThread)
    let compactor = Compactor(
      tree: opened.tree, random: environment.random,
      segmentOptions: options.lastingSegments,
      segmentBytes: options.segmentBytes,
      picker: CompactionPicker(
        levelZeroSegments: EngineOptions.levelZeroSegments, levelOneBytes: options.levelOneBytes,
        levelZeroReferencedBytes: UInt64(options.memtableLimit),
        greatestOverlapBytes: UInt64(options.segmentBytes) * 10),
      helper: compressionThread)
    background = BackgroundWork(
      tree: opened.tree, flusher: flusher, compactor: compactor,
      rewriter: ValueRewriter(tree: opened.tree, random: environment.random),
      scheduler: environment.scheduler, time: environment.time, fileQueue: fileQueue)
    // Not the other way round as well: the tree must not keep what works on it.
    tree = opened.tree
    tree.snapshots.setReleaseHandler { [weak background] in background?.scheduleCompaction() }
    leaderQueue = environment.scheduler.makeQueue(label: "cairn-commit")
    lowWater = LowWaterMark(directory, leastFreeBytes: options.leastFreeBytes)
    let writer = CommitWriter(
      tree: opened.tree, background: background, options: options, log: opened.log,
      keptLogBytes: opened.keptLogBytes,
      buffer: opened.buffer, lowWater: lowWater)
    pipeline = CommitPipeline(writer: writer, leaderQueue: leaderQueue)
    self.lock = lock
    self.options = options
    self.environment = environment
    // What recovery rebuilt beyond one memtable is flushed now.
    for _ in tree.state.sealed { background.scheduleFlush() }
    background.scheduleCompaction()
    background.scheduleRewriting()
  }

  deinit {
    // Without this the threads would outlive the engine. What cannot be written now was never acknowledged.
    try? closeBlocking()
  }

  /// Ends the log cleanly and lets go of the directory. Everything committed, `.buffered` commits too, is
  /// durable afterwards. Closing twice does nothing.
  public func close() throws(StorageError) { try closeBlocking() }

  /// The same without blocking the calling thread.
  public func close() async throws(StorageError) {
    try await onBackgroundThread(of: environment.scheduler) { () throws(StorageError) in
      try self.closeBlocking()
    }
  }

  private func closeBlocking() throws(StorageError) {
    let request = CommitRequest(
      .close, batch: WriteBatch(byteLimit: 0), reads: ReadSet(), snapshot: 0, durability: .durable)
    var failure: StorageError?
    do throws(StorageError) {
      _ = try pipeline.commit(request)
    } catch {
      if error.code == .closed { return }
      failure = error
    }
    tree.close()
    leaderQueue.drainAndStop()
    background.stop()
    compressionThread.stop()
    lock.release()
    tree.directory.events.finish()
    if let failure { throw failure }
  }

  // MARK: Reading

  /// Runs `body` on one consistent snapshot. The reader must not be used afterwards. Never waits for writers.
  // Inlined, so that what `body` returns is of a known type: else every read would look that up while it runs.
  @inlinable
  public func read<Result>(_ body: (any KeyValueReader) throws -> Result) throws -> Result {
    let reader = try makeReader()
    defer { reader.end() }
    return try body(reader)
  }

  @usableFromInline
  func makeReader() throws(StorageError) -> EngineReader {
    try tree.checkOpen()
    let (state, sequence) = tree.view()
    return EngineReader(ReadView(state, snapshot: sequence))
  }

  /// A snapshot with a lifetime of its own: it reads the store as it is now for as long as it is kept.
  ///
  /// While it is, what is overwritten or removed keeps its space on disk.
  public func snapshot() throws(StorageError) -> EngineSnapshot {
    try tree.checkOpen()
    return EngineSnapshot(tree, sequence: tree.registeredView().1)
  }

  /// What is accounted for against ``EngineOptions/memoryLimit`` now, in bytes.
  var accountedBytes: Int { tree.accountedBytes }

  // MARK: Writing

  /// Commits the writes that `body` puts into a batch, together, without reading anything.
  ///
  /// - Returns: what `body` returned, and the commit's position, `nil` if there was nothing to write.
  /// - Throws: what `body` threw, and then nothing is written; `.outcomeUnknown` when storage failed while
  ///   the commit was under way, `.storageFailed` when it had failed before.
  @discardableResult
  public func write<Result>(
    _ durability: Durability = .durable, _ body: (inout WriteBatch) throws -> Result
  ) throws -> Committed<Result> {
    let (value, request) = try blindRequest(durability, body)
    return Committed(
      value: value, position: try request.map { request in try pipeline.commit(request) } ?? nil)
  }

  /// The same without blocking the calling thread.
  @discardableResult
  public func write<Result>(
    _ durability: Durability = .durable, _ body: (inout WriteBatch) throws -> Result
  ) async throws -> Committed<Result> {
    let (value, request) = try blindRequest(durability, body)
    guard let request else { return Committed(value: value, position: nil) }
    return Committed(value: value, position: try await pipeline.commit(request))
  }

  /// Runs a serializable transaction: `body` reads a snapshot and writes; the commit fails, and `body` runs
  /// again, if anything that it read has changed by then.
  @discardableResult
  public func transact<Result>(
    _ durability: Durability = .durable, _ body: (any KeyValueTransaction) throws -> Result
  ) throws -> Committed<Result> {
    var run = 1
    while true {
      try tree.checkOpen()
      let attempt = try TransactionAttempt(tree, options, durability, body)
      defer { withExtendedLifetime(attempt) {} }
      guard let request = attempt.request else { return Committed(value: attempt.value, position: nil) }
      do throws(StorageError) {
        return Committed(value: attempt.value, position: try pipeline.commit(request))
      } catch {
        try giveUp(after: run, error)
      }
      run += 1
    }
  }

  /// The same without blocking the calling thread.
  @discardableResult
  public func transact<Result>(
    _ durability: Durability = .durable, _ body: (any KeyValueTransaction) throws -> Result
  ) async throws -> Committed<Result> {
    var run = 1
    while true {
      try tree.checkOpen()
      let attempt = try TransactionAttempt(tree, options, durability, body)
      defer { withExtendedLifetime(attempt) {} }
      guard let request = attempt.request else { return Committed(value: attempt.value, position: nil) }
      do throws(StorageError) {
        return Committed(value: attempt.value, position: try await pipeline.commit(request))
      } catch {
        try giveUp(after: run, error)
      }
      run += 1
    }
  }

  private func giveUp(after run: Int, _ error: StorageError) throws(StorageError) {
    guard error.code == .conflict else { throw error }
    if run >= options.greatestTransactionRuns {
      throw StorageError(
        .conflict,
        "the transaction was run \(run) times, and each time another one changed what it had read; "
          + "let it read less, or fewer of its kind run at once")
    }
  }

  private func blindRequest<Result>(
    _ durability: Durability, _ body: (inout WriteBatch) throws -> Result
  ) throws -> (Result, CommitRequest?) {
    var batch = WriteBatch(byteLimit: options.transactionLimit)
    let value = try body(&batch)
    if batch.isEmpty { return (value, nil) }
    try batch.checkAddends()
    return (value, CommitRequest(.batch, batch: batch, reads: ReadSet(), snapshot: 0, durability: durability))
  }
}
