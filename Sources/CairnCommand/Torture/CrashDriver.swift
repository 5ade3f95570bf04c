import CairnEngine
import CairnKV
import Foundation

/// `cairn torture run`: starts writers one after the other, has each die in its own way, and looks at what is left.
struct CrashDriver {
  struct Plan {
    var kills: Int
    var seconds: Int?
    var seed: UInt64
    /// `nil`: from one writer to the next another number, or one at every call.
    var threads: Int?
    /// Whether every store is written to in every way, or every second one.
    var isMixed: Bool
    /// Whether writers are killed at each call that they make, and in no other way.
    var isAtEveryCall = false

    /// The command that does the same.
    var command: String {
      "cairn torture run --kills \(kills) --seed \(seed)" + (seconds.map { " --seconds \($0)" } ?? "")
        + (threads.map { " --threads \($0)" } ?? "") + (isMixed ? " --mix" : "")
        + (isAtEveryCall ? " --every-call" : "")
    }
  }

  let plan: Plan
  let folder: String
  let console: Console
  private let executable: String
  private var random: SeededGenerator
  private var sweep: CallSweep
  private var tally = CrashTally()
  private var site: CrashSite

  /// So many operations no writer that is to be killed comes to an end with.
  private static let endless = 1_000_000
  /// Enough for a flush or two, and for some compactions where others were before.
  private static let everyCallOperations = 40

  init(plan: Plan, folder: String, console: Console, executable: String) {
    self.plan = plan
    self.folder = folder
    self.console = console
    self.executable = executable
    random = SeededGenerator(seed: plan.seed)
    sweep = CallSweep(using: &random)
    site = CrashSite(folder: folder, number: 0, script: CrashScript(seed: plan.seed, isMixed: plan.isMixed))
  }

  /// Kills and checks until there were enough kills, the time is up, or something is not as promised.
  mutating func run() throws -> SoakReport {
    let start = WriterProcess.now
    let end = plan.seconds.map { start &+ UInt64($0) * 1_000_000_000 }
    if plan.isAtEveryCall { try killAtEveryCall(until: end) } else { try killInEveryWay(until: end) }
    if console.isTerminal { console.clearProgress() }
    if !tally.violations.isEmpty {
      console.line("Again: \(plan.command); this store: \(site.command)")
    }
    return tally.report(sweep, seconds: Double(WriterProcess.now &- start) / 1e9)
  }

  /// What was counted, as lines for scripts.
  var figures: [String] { tally.figures(plan, sweep) }

  private func isOver(_ end: UInt64?) -> Bool {
    if console.isTerminal {
      console.progress(done: tally.kills, of: max(plan.kills, tally.kills), name: "kills")
    }
    return !tally.violations.isEmpty || (end.map { WriterProcess.now >= $0 } ?? false)
  }

  private mutating func killInEveryWay(until end: UInt64?) throws {
    var steps = 0
    while tally.kills < plan.kills, !isOver(end) {
      let step = CrashStep.draw(steps, using: &random)
      // Every second race is for a store that is not there yet.
      if steps == 0 || site.isWornOut || steps % 40 == 19 { beginSite() }
      try take(step)
      steps += 1
    }
  }

  /// Has a writer die at each call twice: on a store that is not there yet, and on one that others have died on.
  private mutating func killAtEveryCall(until end: UInt64?) throws {
    beginSite()
    while !isOver(end), let (place, point) = sweep.next(using: &random) {
      let old = site
      openSite()
      try killAtCall(place, point, operations: Self.everyCallOperations, missDecides: false)
      if !tally.violations.isEmpty { break }
      site.remove()
      site = old
      if site.isWornOut { beginSite() }
      try killAtCall(place, point, operations: Self.everyCallOperations, missDecides: true)
    }
  }

  private mutating func beginSite() {
    if tally.stores > 0 { site.remove() }
    openSite()
  }

  private mutating func openSite() {
    tally.stores += 1
    let isMixed = plan.isMixed || tally.stores % 2 == 0
    site = CrashSite(
      folder: folder, number: tally.stores, script: CrashScript(seed: random.next() >> 32, isMixed: isMixed))
  }

  private mutating func take(_ step: CrashStep) throws {
    switch step {
    case .killAtMoment(let afterOpening, let delay): try killAtMoment(afterOpening, delay * 1000)
    case .killAtCall: try killAtCall()
    case .stop(let delay, let length, let goesOn): try stop(delay * 1000, length * 1000, goesOn)
    case .race(let delay): try race(delay * 1000)
    }
  }

  private mutating func start(count: Int, _ more: [String] = []) throws(CommandFailure) -> WriterProcess {
    let threads = plan.threads ?? (plan.isAtEveryCall ? 1 : random.pick([1, 1, 2, 4, 8]))
    return try WriterProcess(
      executable: executable,
      arguments: [
        site.store, "\(count)", "--seed", "\(site.script.seed)", "--threads", "\(threads)",
      ] + (site.script.isMixed ? ["--mix"] : []) + more)
  }

  // MARK: Ways to die

  private mutating func killAtMoment(_ afterOpening: Bool, _ delay: UInt64) throws {
    let writer = try start(count: Self.endless)
    let started = WriterProcess.now
    if afterOpening { writer.read(until: nil) { $0.openedAt != nil } }
    writer.read(until: (writer.openedAt ?? started) &+ delay)
    writer.process.kill()
    try finish(writer, expecting: .killed)
  }

  private mutating func killAtCall() throws {
    guard let (place, point) = sweep.draw(using: &random) else {
      tally.violations.append("no writer makes any call")
      return
    }
    try killAtCall(place, point, operations: random.pick(20...120), missDecides: true)
  }

  /// - Parameter missDecides: Whether a writer that ends before the call shows that there is none.
  private mutating func killAtCall(
    _ place: Int, _ point: KillPoint, operations: Int, missDecides: Bool
  ) throws {
    let writer = try start(count: operations, ["--kill-at", point.text])
    let end = writer.end()
    switch end {
    case .crashed(signal: SIGKILL):
      tally.killsAtCalls += 1
      sweep.note(place, point, wasReached: true)
    case .exited(0):
      tally.ranThrough += 1
      if missDecides { sweep.note(place, point, wasReached: false) }
    default: complain(writer, end, "with --kill-at \(point.text)")
    }
    try look(after: writer)
  }

  private mutating func stop(_ delay: UInt64, _ length: UInt64, _ goesOn: Bool) throws {
    let writer = try start(count: Self.endless)
    writer.read(until: nil) { $0.openedAt != nil }
    writer.read(until: (writer.openedAt ?? WriterProcess.now) &+ delay)
    if !writer.process.pause() { tally.violations.append("a writer could not be stopped") }
    writer.read(until: WriterProcess.now &+ length)
    // It holds the store for as long as it lives, also while it does nothing.
    if !writer.hasEnded {
      do throws(StorageError) {
        let engine: Engine = try Engine.open(at: site.store, options: CrashStore.options)
        tally.violations.append("a store was opened whose writer was stopped")
        try? engine.close()
      } catch {
        if error.code == .locked {
          tally.stops += 1
        } else {
          tally.violations.append("a second opening: \(error)")
        }
      }
    }
    if goesOn {
      if !writer.process.goOn() { tally.violations.append("a writer could not go on") }
      writer.read(until: WriterProcess.now &+ length)
    }
    writer.process.kill()
    try finish(writer, expecting: .killed)
  }

  private mutating func race(_ delay: UInt64) throws {
    let moment = WriterProcess.now &+ 40_000_000
    let writers = [
      try start(count: Self.endless, ["--open-at", "\(moment)"]),
      try start(count: Self.endless, ["--open-at", "\(moment)"]),
    ]
    let patience = WriterProcess.now &+ WriterProcess.patience
    while !writers.contains(where: \.hasEnded), WriterProcess.now < patience,
      !writers.allSatisfy({ $0.openedAt != nil })
    {
      for writer in writers { writer.read(waitMilliseconds: 1) }
    }
    let refused = WriterProcess.now
    guard let loser = writers.first(where: \.hasEnded), let winner = writers.first(where: { $0 !== loser })
    else {
      tally.violations.append("two writers have the same store open, or neither could tell")
      for writer in writers {
        writer.process.kill()
        _ = writer.end()
      }
      try look(after: writers[0])
      return
    }
    let end = loser.end()
    if end == .exited(1), loser.lines.isEmpty, loser.complaints.contains(where: { $0.contains("locked: ") }) {
      tally.races += 1
      if refused > moment {
        tally.slowestRefusalNanoseconds = max(tally.slowestRefusalNanoseconds, refused - moment)
      }
    } else {
      complain(loser, end, "although another one had the store")
    }
    winner.read(until: nil) { $0.openedAt != nil }
    winner.read(until: (winner.openedAt ?? WriterProcess.now) &+ delay)
    winner.process.kill()
    try finish(winner, expecting: .killed)
  }

  // MARK: Afterwards

  private mutating func finish(_ writer: WriterProcess, expecting expected: SupervisedProcess.End) throws {
    let end = writer.end()
    if end == expected {
      tally.killsAtMoments += 1
      if writer.openedAt == nil { tally.killsWhileStarting += 1 }
    } else {
      complain(writer, end, "before it was killed")
    }
    try look(after: writer)
  }

  private mutating func complain(_ writer: WriterProcess, _ end: SupervisedProcess.End, _ when: String) {
    tally.violations.append(
      "a writer ended by itself \(when), \(end): " + writer.complaints.joined(separator: " / "))
  }

  /// Compares the store with all that was said, what this writer has said included.
  private mutating func look(after writer: WriterProcess) throws {
    try site.note(writer.lines)
    tally.acknowledged += writer.lines.count {
      switch $0 {
      case .acknowledged, .buffered: true
      case .begin, .resume, .backedUp: false
      }
    }
    tally.backups += writer.lines.count { if case .backedUp = $0 { true } else { false } }
    tally.storeChecks += 1
    switch try site.verdict(keepingCopy: random.pick(0...2) == 0) {
    case .fine(let held, _, let inBackup):
      tally.operationChecks += held
      if let inBackup {
        tally.backupChecks += 1
        tally.backupOperationChecks += inBackup
      }
    case let verdict: tally.violations += verdict.details
    }
  }
}
