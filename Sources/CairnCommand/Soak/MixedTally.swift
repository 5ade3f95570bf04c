/// What came out of all sessions of the mixed soak so far.
struct MixedTally {
  /// What is known of one session by the lines that it printed.
  struct Session {
    var openings: [Int] = []
    var verified: [UInt64]?
    var snapshots = 0
    var violations: [String] = []
    var quiet: [(milliseconds: Int, bytes: UInt64, logBytes: UInt64)] = []
    var hasClosed = false
    var pacing = PacingTotals()
    var unaccounted: [String]?
    var writingNanoseconds: UInt64 = 0
    var expectsKill = false

    mutating func take(_ line: SessionLine) {
      switch line {
      case .opened(let microseconds): openings.append(microseconds)
      case .verified(let commits): verified = commits
      case .snapshotChecked: snapshots += 1
      case .alive(let totals): pacing = totals
      case .unaccounted(let what): unaccounted = what
      case .quiet(let milliseconds, let bytes, let logBytes): quiet.append((milliseconds, bytes, logBytes))
      case .closed: hasClosed = true
      case .violation(let what): violations.append(what)
      }
    }
  }

  private(set) var violations: [String] = []
  private(set) var kills = 0
  private var killsBeforeWriting = 0
  private var openings: [Int] = []
  private var storeChecks = 0
  private var snapshots = 0
  private var peakResidentBytes: UInt64 = 0
  private var writtenBytes: UInt64?
  private var pacing = PacingTotals()
  /// What the last session that closed the store says.
  private var unaccounted: [String]?
  private var writingNanoseconds: UInt64 = 0
  private var quiet: [(milliseconds: Int, bytes: UInt64, logBytes: UInt64)] = []

  mutating func add(
    _ session: Session, _ end: SupervisedProcess.End, _ usage: SupervisedProcess.Usage, number: Int,
    complaints: [String]
  ) {
    openings += session.openings
    snapshots += session.snapshots
    if session.verified != nil { storeChecks += 1 }
    violations += session.violations.map { "session \(number): \($0)" }
    pacing = pacing + session.pacing
    unaccounted = session.unaccounted ?? unaccounted
    writingNanoseconds += session.writingNanoseconds
    peakResidentBytes = max(peakResidentBytes, usage.peakResidentBytes)
    if let written = usage.writtenBytes { writtenBytes = (writtenBytes ?? 0) + written }
    if !session.quiet.isEmpty { quiet = session.quiet }
    switch end {
    case .killed:
      kills += 1
      if session.verified == nil { killsBeforeWriting += 1 }
    case .exited(0) where session.hasClosed: break
    default:
      guard session.violations.isEmpty else { return }
      let words = complaints.isEmpty ? "" : ": " + complaints.joined(separator: " / ")
      violations.append("session \(number) ended by itself, \(end)\(words)")
    }
  }

  /// The table, once everything has ended.
  /// - Parameters:
  ///   - threads: How many read and write.
  ///   - models: The lanes after their last commits.
  ///   - deviceBytes: What the device wrote meanwhile, for whomever.
  func report(
    _ plan: MixedSession.Plan, threads: Int, _ models: [SoakModel], quietSeconds: Int,
    deviceBytes: UInt64?
  ) -> SoakReport {
    let commits = models.reduce(0) { $0 + $1.number }
    let userBytes = models.reduce(0) { $0 + $1.writtenBytes }
    let liveBytes = models.reduce(0) { $0 + $1.liveBytes }
    var report = SoakReport()
    report.tell("commits", Figure.count(commits))
    let seconds = Double(max(writingNanoseconds, 1)) / 1e9
    report.tell("commits a second", Figure.count(UInt64(Double(commits) / seconds)))
    report.tell("kills", "\(kills), \(killsBeforeWriting) before writing began")
    report.tell("openings", "\(openings.count)")
    report.tell("slowest opening", Figure.decimal(Double(openings.max() ?? 0) / 1000, 1) + " ms")
    report.tell("stores compared with the models", "\(storeChecks)")
    report.tell("snapshots compared with the models", "\(snapshots)")
    for (index, violation) in violations.prefix(10).enumerated() {
      report.tell("violation \(index + 1)", violation)
    }
    report.require("model violations", "\(violations.count)", "0", violations.isEmpty)
    // Beyond what the store may take there are the program itself, and what the threads have in their hands:
    // a value of 4 MiB as it was read or is to be written, and its copies on the way. 64 MiB do for four.
    let memoryBound = UInt64(plan.memoryLimit) + (UInt64(64 + 12 * max(0, threads - 4)) << 20)
    report.require(
      "peak resident memory", Figure.bytes(peakResidentBytes), "< " + Figure.bytes(memoryBound),
      peakResidentBytes < memoryBound)
    if let last = quiet.last {
      let most = quiet.map(\.bytes).max() ?? 0
      report.tell("live data", Figure.bytes(liveBytes))
      report.tell("disk before it was left alone", Figure.bytes(quiet.first?.bytes ?? most))
      let bound = UInt64(Double(liveBytes) * 2.2) + last.logBytes
      report.require(
        "disk after \(quietSeconds) quiet seconds", Figure.bytes(last.bytes),
        "< 2.2 x live + logs: " + Figure.bytes(bound), last.bytes < bound)
    }
    let delay = pacing.delayMicroseconds(exceededByOneIn: 1000)
    report.require(
      "delay by pacing, p99.9", "<= " + Figure.decimal(Double(delay) / 1000, 1) + " ms", "< 20 ms",
      delay < 20_000)
    report.tell(
      "stalls", "\(pacing.stalls), \(Figure.decimal(Double(pacing.stallNanoseconds) / 1e6, 0)) ms together")
    if let unaccounted {
      report.require(
        "unaccounted files", unaccounted.isEmpty ? "0" : unaccounted.joined(separator: ", "), "0",
        unaccounted.isEmpty)
    }
    report.tell("bytes given to commits", Figure.bytes(userBytes))
    if let writtenBytes {
      report.tell("given to the system, of that", Self.ratio(writtenBytes, userBytes))
    }
    if let deviceBytes {
      report.tell("written by the device, of that", Self.ratio(deviceBytes, userBytes))
    }
    return report
  }

  private static func ratio(_ bytes: UInt64, _ base: UInt64) -> String {
    Figure.decimal(Double(bytes) / Double(max(base, 1)), 2) + " x, " + Figure.bytes(bytes)
  }
}
