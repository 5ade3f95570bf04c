import Foundation

/// A real process of this same executable, that is watched line by line and killed at a chosen moment.
///
/// Its standard output and error are one pipe: what it acknowledges arrives in the order in which it was
/// written, also what it wrote just before it was killed.
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

  /// How a process ended.
  enum End: Equatable {
    case exited(Int32)
    case killed
    /// By another signal than the one that ends it here: it crashed.
    case crashed(signal: Int32)
    /// It didn't end in time and was killed for it.
    case hung
  }

  /// How long a process may take to print its next line: a minute, on a machine however busy.
  static let patience: UInt64 = 60_000_000_000

  private(set) var account = Account()
  private let process: pid_t
  private let output: Int32
  private let start = DispatchTime.now().uptimeNanoseconds
  private var unfinishedLine: [UInt8] = []

  /// Starts the executable at `executable`.
  init(executable: String, arguments: [String]) throws(DemoFailure) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw DemoFailure("can't make a pipe: \(String(cString: strerror(errno)))")
    }
    defer { close(ends[1]) }
    // No other child may hold a pipe's end, or this one would never be seen to be closed.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let (error, process) = Self.spawn(executable, arguments, output: ends[1])
    guard error == 0 else {
      close(ends[0])
      throw DemoFailure("can't start \(shown(executable)): \(String(cString: strerror(error)))")
    }
    self.process = process
    output = ends[0]
  }

  /// Lets the process run until it ends or, so long after `isReached` is first true of its account, is
  /// killed.
  func run(killing delayNanoseconds: UInt64?, after isReached: (Account) -> Bool) -> End {
    defer { close(output) }
    var killTime: UInt64?
    var hasKilled = false
    var isHung = false
    var quietSince = DispatchTime.now().uptimeNanoseconds
    while true {
      let now = DispatchTime.now().uptimeNanoseconds
      if let delayNanoseconds, killTime == nil, isReached(account) { killTime = now &+ delayNanoseconds }
      if let due = killTime, now >= due, !hasKilled {
        kill(process, SIGKILL)
        hasKilled = true
      }
      if now &- quietSince > Self.patience, !hasKilled {
        kill(process, SIGKILL)
        (hasKilled, isHung) = (true, true)
      }
      // Waits by whole milliseconds, the last one without sleeping.
      var wait = Int32(200)
      if let due = killTime, !hasKilled { wait = Int32(min(200, (max(due, now) - now) / 1_000_000)) }
      switch readSome(waitMilliseconds: wait) {
      case .nothing: continue
      case .something: quietSince = now
      case .end: return end(hasKilled, isHung)
      }
    }
  }

  private enum Reading {
    case nothing, something, end
  }

  private func readSome(waitMilliseconds: Int32) -> Reading {
    var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
    guard poll(&descriptor, 1, waitMilliseconds) > 0 else { return .nothing }
    var piece = [UInt8](repeating: 0, count: 4096)
    let count = piece.withUnsafeMutableBytes { buffer in
      retryingInterrupts { read(output, buffer.baseAddress, buffer.count) }
    }
    guard count > 0 else { return .end }
    unfinishedLine += piece[..<count]
    while let end = unfinishedLine.firstIndex(of: UInt8(ascii: "\n")) {
      take(Substring(decoding: unfinishedLine[..<end], as: UTF8.self))
      unfinishedLine.removeSubrange(...end)
    }
    return .something
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

  /// Reaps the process, whose end of the pipe is closed: it has ended, or is about to.
  private func end(_ hasKilled: Bool, _ isHung: Bool) -> End {
    var status: Int32 = 0
    guard retryingInterrupts({ waitpid(process, &status, 0) }) == process else { return .crashed(signal: 0) }
    let signal = status & 0x7f
    if isHung { return .hung }
    if signal == 0 { return .exited(status >> 8 & 0xff) }
    return hasKilled && signal == SIGKILL ? .killed : .crashed(signal: signal)
  }

  private static func spawn(
    _ executable: String, _ arguments: [String], output: Int32
  ) -> (error: Int32, process: pid_t) {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
    #else
      var actions = posix_spawn_file_actions_t()
    #endif
    var error = posix_spawn_file_actions_init(&actions)
    guard error == 0 else { return (error, 0) }
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor in [STDOUT_FILENO, STDERR_FILENO] where error == 0 {
      error = posix_spawn_file_actions_adddup2(&actions, output, descriptor)
    }
    guard error == 0 else { return (error, 0) }
    let environment = ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
    let words = ([executable] + arguments).map { strdup($0) }
    let settings = environment.map { strdup($0) }
    defer { for string in words + settings { free(string) } }
    guard (words + settings).allSatisfy({ $0 != nil }) else { return (ENOMEM, 0) }
    var process = pid_t()
    error = posix_spawn(&process, executable, &actions, nil, words + [nil], settings + [nil])
    return (error, process)
  }
}
