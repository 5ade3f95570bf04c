import CairnKV

/// Verifies the segments and value files that a store consists of, together.
struct StoreVerifier {
  let levels: [[SegmentProperties]]
  let values: ValueCatalog
  let directory: StoreDirectory
  let run: VerificationRun

  func verify() throws(StorageError) {
    let levelVerifier = LevelVerifier(levels: levels, directory: directory, run: run)
    levelVerifier.verifyOrder()
    var references = ReferenceVerifier(values, directory, run)
    var isWhole = true
    for segment in levels.joined() {
      if run.isCancelled { return }
      let isDecoded = SegmentVerifier(listed: segment, directory: directory, run: run).verify {
        references.add($0, segment: segment.fileNumber, offset: $1)
      }
      isWhole = isWhole && isDecoded
    }
    for file in values.files.values.sorted(by: { $0.fileNumber < $1.fileNumber }) {
      if run.isCancelled { return }
      ValueFileVerifier(listed: file, directory: directory, run: run).verify()
    }
    guard run.depth == .everything, !run.isCancelled else { return }
    references.finish(isWhole: isWhole)
    try levelVerifier.verifyAge()
  }

  /// Verifies files that may be written meanwhile, such that only what is wrong for good is noted.
  ///
  /// Whoever reads a log while it is written may find a frame missing, and then, a moment later, a mark of a
  /// newer frame that says it had been synced; or a log that is let go of and recycled. But what a mark says
  /// was synced is in its place for good: so a second look, which begins afterwards, does not find the same
  /// at the same place.
  static func verifyTwice(_ run: VerificationRun, _ verify: (VerificationRun) -> Void) {
    let first = run.scratch()
    verify(first)
    if first.report.isSound || run.isCancelled { return run.adopt(first) { _ in true } }
    let second = run.scratch()
    verify(second)
    let known = Set(first.report.violations)
    run.adopt(second) { known.contains($0) }
  }

  /// Verifies a store that nobody has open.
  /// - Throws: `.invalidArgument` when there is no store, `.locked` when it changes meanwhile.
  static func verifyClosed(_ directory: StoreDirectory, _ run: VerificationRun) throws(StorageError) {
    guard let information = try directory.fileSystem.information(at: directory.path), information.isDirectory
    else { throw StorageError(.invalidArgument, "there is no store", file: directory.path) }
    let entries = try directory.entries()
    guard entries.contains(where: { $0 != .lock }) else {
      throw StorageError(.invalidArgument, "the directory holds no store", file: directory.path)
    }
    guard entries.contains(.manifest) || !entries.contains(.backup) else {
      throw StorageError(
        .invalidArgument, "the directory holds a backup that was never finished", file: directory.path)
    }
    var found: VersionState?
    verifyTwice(run) { found = ManifestVerifier(directory: directory, run: $0).verify() }
    guard let state = found else { return }
    let isManifestSound = run.report.isSound
    verifyTwice(run) { run in
      let logs = LogVerifier(directory: directory, run: run, state: state)
      if let last = logs.verify(), run.depth == .everything { logs.verifyStrays(entries, lastSequence: last) }
    }
    let verifier = StoreVerifier(levels: state.levels, values: state.values, directory: directory, run: run)
    try verifier.verify()
    guard isManifestSound else { return }
    let again = ManifestVerifier(directory: directory, run: run.scratch()).verify()
    if again != state {
      throw StorageError(
        .locked,
        "the store was changed while it was verified: somebody has it open; verify it there, or later",
        file: directory.path)
    }
  }
}
