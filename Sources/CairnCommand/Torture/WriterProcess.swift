import Foundation

/// A writer as a process, read line by line.
final class WriterProcess {
  /// How long it may say nothing: a minute, on a machine however busy.
  static let patience: UInt64 = 60_000_000_000

  let process: SupervisedProcess
  private(set) var lines: [CrashLine] = []
  /// The last lines that are none of a writer: what it complained about.
  private(set) var complaints: [String] = []
  /// When it said that the store is open.
  private(set) var openedAt: UInt64?
  private(set) var hasEnded = false
  private var quietSince = DispatchTime.now().uptimeNanoseconds

  init(executable: String, arguments: [String]) throws(CommandFailure) {
    process = try SupervisedProcess(
      executable: executable, arguments: ["torture", "writer"] + arguments)
  }

  static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

  /// Reads what it says until it ends, at most until `due`, or until `isEnough`.
  func read(until due: UInt64?, isEnough: (WriterProcess) -> Bool = { _ in false }) {
    while !hasEnded, !isEnough(self) {
      let now = Self.now
      if let due, now >= due { return }
      if now &- quietSince > Self.patience { process.kill(hung: true) }
      // Waits by whole milliseconds, the last one without sleeping.
      let wait = due.map { min(200, ($0 - now) / 1_000_000) } ?? 200
      read(waitMilliseconds: Int32(wait))
    }
  }

  /// Waits so long for something that it says.
  func read(waitMilliseconds: Int32) {
    switch process.read(waitMilliseconds: waitMilliseconds, { take($0) }) {
    case .nothing: break
    case .something: quietSince = Self.now
    case .end: hasEnded = true
    }
  }

  private func take(_ text: Substring) {
    guard let line = CrashLine(text) else {
      complaints = (complaints + [String(text)]).suffix(5)
      return
    }
    if case .resume = line { openedAt = Self.now }
    lines.append(line)
  }

  /// Reads what is left, and reaps it.
  func end() -> SupervisedProcess.End {
    read(until: nil)
    return process.reap().end
  }
}
