public import CairnKV

extension Engine {
  /// Reads the files of the store as it is now, and says what does not hold of what `format-spec.md`
  /// promises.
  ///
  /// Reads and commits go on. The files that the store consists of now are kept until it is done, so that
  /// space is given back later. Past the block cache; memory: one block or one frame at a time, the index
  /// and filters of one file, and at ``VerificationDepth/everything`` a bit for each large value.
  ///
  /// - Parameters:
  ///   - depth: how much is looked at.
  ///   - violationLimit: how many violations are told in full; the others are counted.
  ///   - control: ends it early.
  /// - Returns: what was found. Damage is no error here: it is in the report, and an ``EngineEvent`` each.
  /// - Throws: `.closed` when the store was closed meanwhile; `.inputOutput` when the directory cannot be
  ///   read.
  public func verify(
    _ depth: VerificationDepth = .everything, violationLimit: Int = 1000,
    control: VerificationControl = VerificationControl()
  ) throws(StorageError) -> VerificationReport {
    try tree.checkOpen()
    let events = tree.directory.events
    let run = VerificationRun(depth, violationLimit: violationLimit, control: control) { violation in
      events.emit(.corruptionFound(violation))
    }
    // Keeps the version, and so its files.
    let reference = tree.reference
    defer { withExtendedLifetime(reference) {} }
    verifyFrameFiles(run)
    let version = reference.state.version
    try StoreVerifier(
      levels: version.levels.map { $0.map(\.properties) }, values: version.values, directory: tree.directory,
      run: run
    ).verify()
    try tree.checkOpen()
    return run.report
  }

  /// The same without blocking the calling thread. Cancelling the task ends it early, as `control` does.
  public func verify(
    _ depth: VerificationDepth = .everything, violationLimit: Int = 1000,
    control: VerificationControl = VerificationControl()
  ) async throws(StorageError) -> VerificationReport {
    try await control.ending(on: environment.scheduler) { () throws(StorageError) in
      try self.verify(depth, violationLimit: violationLimit, control: control)
    }
  }

  /// Verifies the store in the directory at `path`, which nobody has open, without writing anything: no lock
  /// is taken, and nothing is recovered.
  ///
  /// - Throws: `.invalidArgument` when there is no store; `.locked` when its manifest changes meanwhile,
  ///   since somebody has it open; `.inputOutput` when the directory cannot be read. Damage is no error, it
  ///   is in the report.
  public static func verify(
    at path: String, _ depth: VerificationDepth = .everything, violationLimit: Int = 1000,
    control: VerificationControl = VerificationControl(), environment: Environment = .system
  ) throws(StorageError) -> VerificationReport {
    let run = VerificationRun(depth, violationLimit: violationLimit, control: control)
    let directory = StoreDirectory(path: path, fileSystem: environment.fileSystem)
    try StoreVerifier.verifyClosed(directory, run)
    return run.report
  }

  /// The same without blocking the calling thread. Cancelling the task ends it early, as `control` does.
  public static func verify(
    at path: String, _ depth: VerificationDepth = .everything, violationLimit: Int = 1000,
    control: VerificationControl = VerificationControl(), environment: Environment = .system
  ) async throws(StorageError) -> VerificationReport {
    try await control.ending(on: environment.scheduler) { () throws(StorageError) in
      try verify(
        at: path, depth, violationLimit: violationLimit, control: control, environment: environment)
    }
  }

  /// Manifest and logs, which are written meanwhile.
  func verifyFrameFiles(_ run: VerificationRun) {
    let directory = tree.directory
    StoreVerifier.verifyTwice(run) { _ = ManifestVerifier(directory: directory, run: $0).verify() }
    StoreVerifier.verifyTwice(run) { run in
      LogVerifier(directory: directory, run: run, state: tree.manifest.state).verify()
    }
  }
}

extension VerificationControl {
  /// Runs blocking work on a background thread, and cancels it with the calling task.
  func ending<Value: Sendable>(
    on scheduler: any BackgroundScheduler, _ work: @escaping @Sendable () throws(StorageError) -> Value
  ) async throws(StorageError) -> Value {
    let outcome = await withTaskCancellationHandler {
      do throws(StorageError) {
        return Result<Value, StorageError>.success(try await onBackgroundThread(of: scheduler, work))
      } catch {
        return Result<Value, StorageError>.failure(error)
      }
    } onCancel: {
      cancel()
    }
    return try outcome.get()
  }
}
