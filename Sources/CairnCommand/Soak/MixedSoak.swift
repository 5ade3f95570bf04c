import Foundation

/// Supervises the mixed soak: starts a session, kills it or lets it end, starts the next, and at the end
/// leaves the store alone and measures.
struct MixedSoak {
  let plan: MixedSession.Plan
  let seconds: Int
  let readers: Int
  let console: Console
  private let executable: String
  private var random: SeededGenerator
  private var tally = MixedTally()
  private var sessions = 0

  /// How long a session may say nothing.
  private static let patienceNanoseconds: UInt64 = 120_000_000_000

  init(plan: MixedSession.Plan, seconds: Int, readers: Int, console: Console) throws(CommandFailure) {
    self.plan = plan
    self.seconds = seconds
    self.readers = readers
    self.console = console
    executable = try SupervisedProcess.ownExecutable()
    random = SeededGenerator(seed: SoakValue.mix(plan.seed))
  }

  /// How long the store is left alone at the end. Its own idle work begins 10 s after the last commit.
  private var quietSeconds: Int { seconds >= 300 ? 60 : 20 }

  mutating func run() throws -> SoakReport {
    let deviceBefore = DeviceCounter.writtenBytes(below: plan.folder)
    let start = DispatchTime.now().uptimeNanoseconds
    while tally.violations.isEmpty {
      let elapsed = Int((DispatchTime.now().uptimeNanoseconds &- start) / 1_000_000)
      let left = seconds * 1000 - elapsed
      if left <= 0 { break }
      if console.isTerminal {
        console.progress(done: elapsed / 1000, of: seconds, name: "\(counted(tally.kills, "kill"))")
      }
      let session = SessionPlan.draw(
        greatestMilliseconds: min(left, max(1000, min(15_000, seconds * 125))), using: &random)
      try run(session, quietSeconds: 0)
    }
    if console.isTerminal { console.clearProgress() }
    if tally.violations.isEmpty {
      // The last that is written, and then nothing.
      try run(SessionPlan(kill: nil, legMilliseconds: [2000]), quietSeconds: quietSeconds)
    }
    if tally.violations.isEmpty {
      // What a clean close left, and what opening finds to do in it.
      try run(SessionPlan(kill: nil, legMilliseconds: []), quietSeconds: 0)
    }
    let deviceAfter = DeviceCounter.writtenBytes(below: plan.folder)
    var models = plan.soakLanes.map { SoakModel($0) }
    let acknowledgements = try Acknowledgements(path: plan.acknowledgements, lanes: plan.lanes)
    for (index, number) in try acknowledgements.read().enumerated() { models[index].advance(to: number) }
    return tally.report(
      plan, threads: plan.lanes + readers, models, quietSeconds: quietSeconds,
      deviceBytes: deviceBefore.flatMap { before in deviceAfter.map { $0 >= before ? $0 - before : 0 } })
  }

  /// What is measured is the store's memory, and not what glibc keeps of the megabytes that the soak's own values
  /// took: with a pool for each thread, and sizes up to 32 MiB kept for reuse, that came to 50 MiB.
  private static let allocatorSettings = ["MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "131072"]

  /// Starts a process and sees it to its end.
  private mutating func run(_ session: SessionPlan, quietSeconds: Int) throws {
    sessions += 1
    let process = try SupervisedProcess(
      executable: executable,
      arguments: MixedSessionCommand.arguments(
        plan, readers: readers, number: sessions, legs: session.legMilliseconds,
        quietMilliseconds: quietSeconds * 1000), changing: Self.allocatorSettings)
    let start = DispatchTime.now().uptimeNanoseconds
    var account = MixedTally.Session()
    var complaints: [Substring] = []
    var quietSince = start
    var verifiedAt: UInt64?
    while true {
      let now = DispatchTime.now().uptimeNanoseconds
      var wait: UInt64 = 200_000_000
      if let due = Self.due(session.kill, start: start, verified: verifiedAt) {
        if now >= due { process.kill() } else { wait = min(wait, due - now) }
      }
      if now &- quietSince > Self.patienceNanoseconds { process.kill(hung: true) }
      let reading = process.read(waitMilliseconds: Int32(wait / 1_000_000)) { line in
        guard let line = SessionLine(line) else {
          complaints = (complaints + [line]).suffix(20)
          return
        }
        if case .verified = line { verifiedAt = DispatchTime.now().uptimeNanoseconds }
        account.take(line)
      }
      if reading == .something { quietSince = now }
      if reading == .end { break }
    }
    let end = DispatchTime.now().uptimeNanoseconds
    let (outcome, usage) = process.reap()
    account.writingNanoseconds = verifiedAt.map { end &- $0 &- UInt64(quietSeconds) * 1_000_000_000 } ?? 0
    account.expectsKill = session.kill != nil
    tally.add(account, outcome, usage, number: sessions, complaints: complaints.map(String.init))
  }

  private static func due(_ kill: SessionPlan.Kill?, start: UInt64, verified: UInt64?) -> UInt64? {
    switch kill {
    case nil: nil
    case .afterStart(let milliseconds): start &+ UInt64(milliseconds) * 1_000_000
    case .afterVerified(let milliseconds): verified.map { $0 &+ UInt64(milliseconds) * 1_000_000 }
    }
  }
}
