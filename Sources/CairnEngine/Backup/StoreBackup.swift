import CairnKV

/// Takes a backup of a cut: the steps, in the order that makes a crash between any two harmless. Normative in
/// format-spec.md, "Backup".
struct StoreBackup {
  let source: StoreDirectory
  let environment: Environment

  func write(
    _ contents: BackupCut.Contents, to path: String, _ options: BackupOptions
  ) throws(StorageError) -> BackupReport {
    let target = try BackupTarget(path, for: source, contents, environment)
    defer { target.release() }
    var report = BackupReport(position: CommitPosition(rawValue: contents.lastSequence))
    let state: VersionState
    do throws(StorageError) {
      state = try bring(contents, to: target, options, &report)
    } catch {
      // What is listed stays; the rest goes, if it can, and with the next backup if it cannot.
      if let known = target.known { _ = target.removeStrays(known) }
      throw error
    }
    // Where this fails, either manifest may be the one that counts: the files of both stay, for the next backup to remove.
    try target.install(state, environment)
    report.removedCount = target.removeStrays(state)
    return report
  }

  /// Brings all that the new backup consists of beside the earlier one, whose manifest still counts.
  /// - Returns: what the new manifest is to list.
  private func bring(
    _ contents: BackupCut.Contents, to target: BackupTarget, _ options: BackupOptions,
    _ report: inout BackupReport
  ) throws(StorageError) -> VersionState {
    var state = contents.state
    // First the log: as long as it is read, the store can use no log again.
    let number = try target.freeNumber(state)
    let log = BackupLog(
      source: source, target: target.directory, random: environment.random, logs: state.logs,
      end: contents.logEnd)
    let logEnd = try log.write(number: number)
    contents.logs.release()
    report.logBytes = logEnd?.offset ?? 0
    var files = BackupFiles(
      from: source, to: target.directory, present: target.present, known: target.known, options)
    try files.bring(state, &report)
    withExtendedLifetime(contents.version) {}
    state.replaceLogs(with: logEnd, number: number)
    state.lastSequence = max(state.lastSequence, contents.lastSequence)
    state.nextFileNumber = number + 1
    return state
  }
}
