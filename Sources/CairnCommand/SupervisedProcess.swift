import Foundation

/// A real process whose output is read line by line, and which can be killed at any moment.
///
/// Its standard output and error are one pipe: what it says arrives in the order in which it was written,
/// also what it wrote just before it was killed.
final class SupervisedProcess {
  /// How a process ended.
  enum End: Equatable {
    case exited(Int32)
    case killed
    /// By another signal than the one that ends it here: it crashed.
    case crashed(signal: Int32)
    /// It didn't end in time and was killed for it.
    case hung
  }

  /// What came from the process's output.
  enum Reading {
    case nothing, something, end
  }

  /// What a process used from its start to its end, however it ended.
  struct Usage: Equatable {
    /// The most memory it had resident, in bytes.
    var peakResidentBytes: UInt64 = 0
    /// What it gave to calls that write, in bytes; `nil` where the system doesn't count it.
    ///
    /// Not what Linux says went to storage: that counts a page, or a huge one, each time it becomes dirty.
    var writtenBytes: UInt64?
  }

  private let process: pid_t
  private let output: Int32
  private var unfinishedLine: [UInt8] = []
  private var hasKilled = false
  private var isHung = false

  /// Starts the executable at `executable`, in this process's environment with some variables changed.
  init(
    executable: String, arguments: [String], changing variables: [String: String] = [:]
  ) throws(CommandFailure) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw CommandFailure("can't make a pipe: \(String(cString: strerror(errno)))")
    }
    defer { close(ends[1]) }
    // No other child may hold a pipe's end, or this one would never be seen to be closed.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let (error, process) = Self.spawn(executable, arguments, variables, output: ends[1])
    guard error == 0 else {
      close(ends[0])
      throw CommandFailure("can't start \(shown(executable)): \(String(cString: strerror(error)))")
    }
    self.process = process
    output = ends[0]
  }

  /// This same program's executable.
  static func ownExecutable() throws(CommandFailure) -> String {
    guard let executable = Bundle.main.executablePath else {
      throw CommandFailure("can't tell which file this program is, to start it again")
    }
    return executable
  }

  /// Waits so long for output, and hands over the lines that it completes.
  func read(waitMilliseconds: Int32, _ take: (Substring) -> Void) -> Reading {
    var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
    guard poll(&descriptor, 1, waitMilliseconds) > 0 else { return .nothing }
    var piece = [UInt8](repeating: 0, count: 4096)
    let count = piece.withUnsafeMutableBytes { buffer in
      retryingInterrupts { Foundation.read(output, buffer.baseAddress, buffer.count) }
    }
    guard count > 0 else { return .end }
    unfinishedLine += piece[..<count]
    while let end = unfinishedLine.firstIndex(of: UInt8(ascii: "\n")) {
      take(Substring(decoding: unfinishedLine[..<end], as: UTF8.self))
      unfinishedLine.removeSubrange(...end)
    }
    return .something
  }

  /// Kills the process, once. What it wrote before can still be read.
  /// - Parameter hung: Whether it is killed because it doesn't end.
  func kill(hung: Bool = false) {
    if hasKilled { return }
    Foundation.kill(process, SIGKILL)
    (hasKilled, isHung) = (true, hung)
  }

  /// Stops the process where it is, unless it has ended.
  /// - Returns: Whether the system took the signal.
  func pause() -> Bool { Foundation.kill(process, SIGSTOP) == 0 }

  /// Lets a stopped process go on.
  /// - Returns: Whether the system took the signal.
  func goOn() -> Bool { Foundation.kill(process, SIGCONT) == 0 }

  /// Reaps the process, whose end of the pipe is closed: it has ended, or is about to. To be called once.
  func reap() -> (end: End, usage: Usage) {
    close(output)
    let written = Self.writtenBytes(by: process)
    var status: Int32 = 0
    var used = rusage()
    guard retryingInterrupts({ wait4(process, &status, 0, &used) }) == process else {
      return (.crashed(signal: 0), Usage())
    }
    let signal = status & 0x7f
    let end: End =
      if isHung { .hung } else if signal == 0 { .exited(status >> 8 & 0xff) } else {
        hasKilled && signal == SIGKILL ? .killed : .crashed(signal: signal)
      }
    return (end, Usage(used, writtenBytes: written))
  }

  /// Waits for the process's end without reaping it: until then its counts can be read.
  private static func writtenBytes(by process: pid_t) -> UInt64? {
    #if os(Linux)
      var information = siginfo_t()
      let flags = WEXITED | WNOWAIT
      guard retryingInterrupts({ waitid(P_PID, id_t(process), &information, flags) }) == 0 else { return nil }
      return Usage.writtenBytes(process: "\(process)")
    #else
      return nil
    #endif
  }

  private static func spawn(
    _ executable: String, _ arguments: [String], _ variables: [String: String], output: Int32
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
    let changed = ProcessInfo.processInfo.environment.merging(variables) { $1 }
    let environment = changed.map { "\($0.key)=\($0.value)" }
    let words = ([executable] + arguments).map { strdup($0) }
    let settings = environment.map { strdup($0) }
    defer { for string in words + settings { free(string) } }
    guard (words + settings).allSatisfy({ $0 != nil }) else { return (ENOMEM, 0) }
    var process = pid_t()
    error = posix_spawn(&process, executable, &actions, nil, words + [nil], settings + [nil])
    return (error, process)
  }
}

extension SupervisedProcess.Usage {
  /// From what the system says of a process.
  init(_ used: rusage, writtenBytes: UInt64?) {
    // Linux counts kilobytes here, and macOS bytes.
    #if canImport(Darwin)
      peakResidentBytes = UInt64(max(0, used.ru_maxrss))
    #else
      peakResidentBytes = UInt64(max(0, used.ru_maxrss)) * 1024
    #endif
    self.writtenBytes = writtenBytes
  }

  /// What this process has used so far.
  static func ofThisProcess() -> Self {
    var used = rusage()
    #if canImport(Darwin)
      let this = RUSAGE_SELF
    #else
      let this = __rusage_who_t(RUSAGE_SELF.rawValue)
    #endif
    guard getrusage(this, &used) == 0 else { return Self() }
    return Self(used, writtenBytes: writtenBytes(process: "self"))
  }

  /// The counter `wchar` of a process, where the system has one.
  static func writtenBytes(process: String) -> UInt64? {
    guard let data = FileManager.default.contents(atPath: "/proc/\(process)/io") else { return nil }
    let lines = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline)
    guard let line = lines.first(where: { $0.hasPrefix("wchar:") }) else { return nil }
    return line.split(separator: " ").last.flatMap { UInt64($0) }
  }
}
