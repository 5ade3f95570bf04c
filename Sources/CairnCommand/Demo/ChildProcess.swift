import Foundation

/// A demo of this same executable as a process, that is watched step by step and killed at a chosen moment.
final class ChildProcess {
  /// What is known of a process by the lines that it printed.
  struct Account {
    var hasStarted = false
    /// How many reviews it found recorded, once it had opened the store.
    var opened: Int?
    /// The last review whose commit began, and the last that was acknowledged.
    var committing = 0
    var acknowledged = 0
    /// The last lines that are no steps: what it complained about.
    var complaints: [Substring] = []
    /// When each came, in nanoseconds since the process was started.
    var startedAt: UInt64?
    var openedAt: UInt64?
    var lastAcknowledgedAt: UInt64?
    var lastCommitAt: UInt64?
    /// How long it was in commits.
    var commitNanoseconds: UInt64 = 0
  }

  /// How long a process may take to print its next line: a minute, on a machine however busy.
  static let patience: UInt64 = 60_000_000_000

  private(set) var account = Account()
  private let process: SupervisedProcess
  private let start = DispatchTime.now().uptimeNanoseconds

  /// Starts the executable at `executable`.
  init(executable: String, arguments: [String]) throws(CommandFailure) {
    process = try SupervisedProcess(executable: executable, arguments: arguments)
  }

  /// Lets the process run until it ends or, so long after `isReached` is first true of its account, is
  /// killed.
  func run(
    killing delayNanoseconds: UInt64?, after isReached: (Account) -> Bool
  ) -> SupervisedProcess.End {
    var killTime: UInt64?
    var hasKilled = false
    var quietSince = DispatchTime.now().uptimeNanoseconds
    while true {
      let now = DispatchTime.now().uptimeNanoseconds
      if let delayNanoseconds, killTime == nil, isReached(account) { killTime = now &+ delayNanoseconds }
      if let due = killTime, now >= due, !hasKilled {
        process.kill()
        hasKilled = true
      }
      if now &- quietSince > Self.patience, !hasKilled {
        process.kill(hung: true)
        hasKilled = true
      }
      // Waits by whole milliseconds, the last one without sleeping.
      var wait = Int32(200)
      if let due = killTime, !hasKilled { wait = Int32(min(200, (max(due, now) - now) / 1_000_000)) }
      switch process.read(waitMilliseconds: wait, { take($0) }) {
      case .nothing: continue
      case .something: quietSince = now
      case .end: return process.reap().end
      }
    }
  }

  private func take(_ line: Substring) {
    let now = DispatchTime.now().uptimeNanoseconds &- start
    switch StepLine(line) {
    case .started:
      account.hasStarted = true
      account.startedAt = now
    case .opened(let count):
      account.opened = count
      account.openedAt = now
    case .committing(let number):
      account.committing = number
      account.lastCommitAt = now
    case .recorded(let number):
      account.acknowledged = number
      account.lastAcknowledgedAt = now
      account.commitNanoseconds &+= now &- (account.lastCommitAt ?? now)
    case nil:
      account.complaints = (account.complaints + [line]).suffix(3)
    }
  }
}
