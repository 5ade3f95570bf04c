public import CairnKV

extension Engine {
  /// Reads all files of the store slowly, so that rot is found while there is another copy to restore from.
  ///
  /// Each file is kept while it is read, and no longer; reads, commits and background work go on as if there
  /// were no scrub, apart from the disk. What is damaged is told at once by
  /// ``EngineEvent/corruptionFound(_:)``.
  ///
  /// - Parameters:
  ///   - options: the pace, and how deep it looks.
  ///   - position: where an earlier scrub ended.
  ///   - control: ends it early.
  /// - Throws: `.closed` when the store was closed meanwhile.
  public func scrub(
    _ options: ScrubOptions = ScrubOptions(), from position: ScrubPosition = .start,
    control: VerificationControl = VerificationControl()
  ) throws(StorageError) -> ScrubResult {
    try tree.checkOpen()
    let pause = environment.scheduler.makePause()
    control.attach(pause)
    let events = tree.directory.events
    let run = VerificationRun(
      options.depth, violationLimit: options.violationLimit, control: control,
      pace: VerificationPace(bytesPerSecond: options.bytesPerSecond, pause: pause)
    ) { violation in events.emit(.corruptionFound(violation)) }
    var next = position.rawValue
    if next == 0, !run.isCancelled {
      verifyFrameFiles(run)
      if !run.isCancelled { next = 1 }
    }
    while !run.isCancelled, let number = scrub(from: next, run) {
      try tree.checkOpen()
      if !run.isCancelled { next = number + 1 }
    }
    return ScrubResult(
      report: run.report, next: run.isCancelled ? ScrubPosition(rawValue: next) : nil)
  }

  /// The same without blocking the calling thread. Cancelling the task ends it early, as `control` does.
  public func scrub(
    _ options: ScrubOptions = ScrubOptions(), from position: ScrubPosition = .start,
    control: VerificationControl = VerificationControl()
  ) async throws(StorageError) -> ScrubResult {
    try await control.ending(on: environment.scheduler) { () throws(StorageError) in
      try self.scrub(options, from: position, control: control)
    }
  }

  /// Reads the first file with at least this number that the store consists of now.
  /// - Returns: its number; `nil` when there is none.
  private func scrub(from number: UInt64, _ run: VerificationRun) -> UInt64? {
    let version = tree.state.version
    let segment = version.levels.joined().filter { $0.number >= number }.min { $0.number < $1.number }
    let values = version.valueFiles.filter { $0.key >= number }.min { $0.key < $1.key }?.value
    // The file alone is kept, not the version: what else goes meanwhile may go.
    if let segment, segment.number < values?.properties.fileNumber ?? .max {
      return read(segment, run)
    }
    return values.map { read($0, run) }
  }

  private func read(_ segment: SegmentFile, _ run: VerificationRun) -> UInt64 {
    SegmentVerifier(listed: segment.properties, directory: tree.directory, run: run).verify()
    return withExtendedLifetime(segment) { segment.number }
  }

  private func read(_ file: ValueFile, _ run: VerificationRun) -> UInt64 {
    ValueFileVerifier(listed: file.properties, directory: tree.directory, run: run).verify()
    return withExtendedLifetime(file) { file.properties.fileNumber }
  }
}
