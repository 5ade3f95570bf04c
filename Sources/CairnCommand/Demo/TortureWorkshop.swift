import Cairn
import Foundation

/// The temporary folder that `--torture` works in, with the documents, and the processes that it starts
/// there.
struct TortureWorkshop {
  /// The run that the others are compared with.
  struct UndisturbedRun {
    let reviews: [ReviewEvent]
    let report: Data
    let timing: StepTiming
  }

  let folder: String
  private let executable: String
  private let paceMilliseconds: Int

  init(paceMilliseconds: Int) throws {
    self.paceMilliseconds = paceMilliseconds
    executable = try SupervisedProcess.ownExecutable()
    let base = FileManager.default.temporaryDirectory
    let path = base.appendingPathComponent("cairn-torture-\(UUID().uuidString)").path
    guard mkdir(path, 0o700) == 0 else {
      throw CommandFailure("can't make the folder \(shown(path)): \(String(cString: strerror(errno)))")
    }
    folder = path
    try InvoiceFolder(path: "\(path)/documents").write()
  }

  /// Starts the demo as a process.
  func start(store: String, report: String) throws -> ChildProcess {
    try ChildProcess(
      executable: executable,
      arguments: [
        "demo", "--documents", "\(folder)/documents", "--store", store, "--report", report, "--pace",
        "\(paceMilliseconds)", "--acknowledge",
      ])
  }

  /// Lets a run go through, checks it and measures it.
  func undisturbedRun() async throws -> UndisturbedRun {
    let store = "\(folder)/undisturbed"
    let report = "\(folder)/undisturbed.txt"
    let child = try start(store: store, report: report)
    let end = child.run(killing: nil) { _ in false }
    let account = child.account
    guard end == .exited(0), let started = account.startedAt, let opened = account.openedAt,
      let last = account.lastAcknowledgedAt, account.acknowledged > 0,
      let written = FileManager.default.contents(atPath: report)
    else {
      throw CommandFailure(
        "the undisturbed run failed, \(end): \(account.complaints.joined(separator: " / "))")
    }
    let opening = try await Store.open(store)
    var reviews: [ReviewEvent] = []
    try await opening.forEachEvent(in: Agent.reviews, after: 0) { reviews.append($0.event) }
    let found = await InvariantCheck(acknowledged: account.acknowledged).violations(in: opening)
    try await opening.close()
    if let violation = found.first {
      throw CommandFailure(
        "in the undisturbed run, \(violation.invariant.sentence): not so. \(violation.detail)")
    }
    let timing = StepTiming(
      openNanoseconds: opened &- started,
      stepNanoseconds: (last &- opened) / UInt64(account.acknowledged),
      commitNanoseconds: account.commitNanoseconds / UInt64(account.acknowledged))
    return UndisturbedRun(reviews: reviews, report: written, timing: timing)
  }

  /// Removes what is no longer needed.
  func remove(_ paths: String...) {
    for path in paths { try? FileManager.default.removeItem(atPath: path) }
  }

  /// Removes everything.
  func remove() { remove(folder) }
}
