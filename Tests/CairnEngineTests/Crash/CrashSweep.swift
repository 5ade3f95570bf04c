// The crash explorer: the power goes at every operation of a workload, and each thing that may be left is
// opened and checked.

import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// How much a crash suite explores. `CAIRN_CRASH_SEEDS` multiplies the seeds of every sweep.
enum CrashEffort {
  static let factor: Int = {
    guard let text = getenv("CAIRN_CRASH_SEEDS"), let factor = Int(String(cString: text)) else { return 1 }
    return max(1, factor)
  }()
}

/// Runs a workload with a power cut at each of its operations.
struct CrashSweep {
  /// What was explored, and what was wrong.
  struct Findings {
    var states = 0
    var violations: [String] = []
  }

  let name: String
  let workload: Workload
  var options = EngineOptions()
  /// How many crash states of each kind are drawn at each operation.
  var seeds = 1
  /// Only every so many operations are cut.
  var stride = 1
  /// Whether the recovery is cut as well: at every so many of its operations; 0 for never.
  var recoveryStride = 0
  /// Whether the operations between are cut too, each under one of the crash models in turn.
  var cutsEveryOperation = false
  /// Lets a test take something out of the file system's promises.
  var wrap: (SimulatedFileSystem) -> any FileSystem = { $0 }
  var makeScheduler: (SimulatedTime) -> any BackgroundScheduler = { _ in InlineScheduler() }
  /// The history that the store is held to, if it is not the workload's own.
  var heldTo: [Commit]?

  static let path = "/store"

  /// Explores, and records every violation as an issue.
  func verify() {
    let findings = explore()
    print("crash sweep \(name): \(findings.states) states")
    for violation in findings.violations.prefix(5) { Issue.record("\(violation)") }
    #expect(findings.violations.count == 0)
    #expect(findings.states > 0)
    if let states = ExplorationEffort.statesPerMoment {
      CrashExplorer(sweep: self, statesPerMoment: states).verify()
    }
  }

  func explore() -> Findings {
    var findings = Findings()
    let history = History(workload.commits)
    let whole = SimulatedFileSystem()
    var complete = WorkloadRun(path: Self.path, options: options, history: history)
    complete.run(workload, in: environment(whole, seed: 1), closing: true)
    if let failure = complete.failure { findings.violations.append("\(name): without a fault: \(failure)") }
    for complaint in complete.complaints {
      findings.violations.append("\(name): without a fault: \(complaint)")
    }
    let operations = whole.operationCount
    for factor in 0..<CrashEffort.factor {
      // The first one differs with the seed, so that with a stride more seeds reach more operations.
      for cut in Swift.stride(from: 1, through: operations, by: 1) {
        if (cut + stride - 1 - factor % stride).isMultiple(of: stride) {
          explore(cut: cut, seed: UInt64(factor * 1000 + cut), CrashModel.allCases, history, &findings)
        } else if cutsEveryOperation && factor == 0 {
          let model = CrashModel.allCases[cut % CrashModel.allCases.count]
          explore(cut: cut, seed: UInt64(cut), [model], isWhole: false, history, &findings)
        }
        if findings.violations.count >= 20 { return findings }
      }
    }
    return findings
  }

  private func explore(
    cut: Int, seed: UInt64, _ models: [CrashModel], isWhole: Bool = true, _ history: History,
    _ findings: inout Findings
  ) {
    let cutsRecovery = isWhole && recoveryStride > 0
    let disk = SimulatedFileSystem(faultPlan: .powerCut(atOperation: cut, seed: seed))
    var run = WorkloadRun(path: Self.path, options: options, history: history)
    run.run(workload, in: environment(disk, seed: 1), closing: true)
    for model in models {
      for extra in 0..<UInt64(model == .kill ? 1 : seeds) {
        let crashSeed = seed &* 31 &+ extra
        let after = disk.crash(model, seed: crashSeed)
        var check = RecoveryCheck(
          path: Self.path, options: options, history: history,
          lower: model == .kill ? run.acknowledged : run.durable, upper: run.issued)
        if let heldTo {
          let other = History(heldTo)
          check = RecoveryCheck(
            path: Self.path, options: options, history: other, lower: 0, upper: other.count)
        }
        let place = "\(name): cut \(cut) (seed \(seed)), \(model) \(crashSeed)"
        if cutsRecovery { cutRecovery(of: after, check, place, &findings) }
        findings.states += 1
        let (complaints, _) = check.run(on: after, seed: crashSeed)
        findings.violations += complaints.map { "\(place): \($0)" }
      }
    }
    if cutsRecovery { killThenCut(disk, cut: cut, run, seed: seed, &findings) }
  }

  /// Cuts the power at the operations of the recovery. All that a crash has left is durable, so however
  /// often its recovery is cut short, the same state must come out: recovery is idempotent.
  private func cutRecovery(
    of disk: SimulatedFileSystem, _ check: RecoveryCheck, _ place: String, _ findings: inout Findings
  ) {
    let untouched = disk.crash(.kill, seed: 0)
    let expected = check.run(on: untouched, seed: 5).prefix
    var cut = 1 + findings.states % recoveryStride
    while true {
      let attempt = disk.crash(.kill, seed: 0)
      let before = attempt.operationCount
      attempt.setFaultPlan(.powerCut(atOperation: cut, seed: UInt64(cut)))
      let opened = try? Engine.open(
        at: Self.path, options: options, environment: environment(attempt, seed: 6))
      let isComplete = attempt.operationCount - before < cut
      withExtendedLifetime(opened) {}
      let models: [CrashModel] = [.strict, .ordered]
      let second = attempt.crash(models[cut % 2], seed: UInt64(cut))
      if cut % 3 == 0 {
        // Once more: the recovery of the cut recovery is cut.
        second.setFaultPlan(.powerCut(atOperation: 1 + cut / 2, seed: UInt64(cut)))
        _ = try? Engine.open(at: Self.path, options: options, environment: environment(second, seed: 7))
      }
      let third = cut % 3 == 0 ? second.crash(models[(cut / 2) % 2], seed: UInt64(cut)) : second
      findings.states += 1
      let (complaints, found) = check.run(on: third, seed: 8)
      findings.violations += complaints.map { "\(place), recovery cut at \(cut): \($0)" }
      if found != expected {
        findings.violations.append(
          "\(place), recovery cut at \(cut): \(String(describing: found)) commits, "
            + "before it was \(String(describing: expected))")
      }
      if isComplete || findings.violations.count >= 20 { return }
      cut += recoveryStride
    }
  }

  /// The process dies, so that what it wrote is in the page cache only; then the power goes during the
  /// recovery.
  private func killThenCut(
    _ disk: SimulatedFileSystem, cut: Int, _ run: WorkloadRun, seed: UInt64, _ findings: inout Findings
  ) {
    var recoveryCut = 1 + cut % recoveryStride
    while true {
      // The same run again: a disk with changes that are not synchronized cannot be copied.
      let attempt = SimulatedFileSystem(faultPlan: .powerCut(atOperation: cut, seed: seed))
      var again = WorkloadRun(path: Self.path, options: options, history: run.history)
      again.run(workload, in: environment(attempt, seed: 1), closing: true)
      let before = attempt.operationCount
      attempt.setFaultPlan(.powerCut(atOperation: recoveryCut, seed: seed &+ UInt64(recoveryCut)))
      let opened = try? Engine.open(
        at: Self.path, options: options, environment: environment(attempt, seed: 6))
      let isComplete = opened != nil && attempt.operationCount - before < recoveryCut
      let isOver = attempt.operationCount - before < recoveryCut
      let crashSeed = seed &* 17 &+ UInt64(recoveryCut)
      let after = attempt.crash(recoveryCut % 2 == 0 ? .strict : .ordered, seed: crashSeed)
      findings.states += 1
      // What recovery showed to readers must stay.
      let shown = isComplete ? run.acknowledged : run.durable
      let (complaints, _) = RecoveryCheck(
        path: Self.path, options: options, history: run.history, lower: shown, upper: run.issued
      ).run(on: after, seed: crashSeed)
      findings.violations += complaints.map {
        "\(name): killed at \(cut) (seed \(seed)), recovery cut at \(recoveryCut): \($0)"
      }
      if isOver || findings.violations.count >= 20 { return }
      recoveryCut += recoveryStride
    }
  }

  func environment(_ disk: SimulatedFileSystem, seed: UInt64) -> Environment {
    let time = SimulatedTime()
    return Environment(
      fileSystem: wrap(disk), time: time, random: SeededRandomSource(seed: seed),
      scheduler: makeScheduler(time))
  }
}
