// One run of a workload, every moment of it, and every disk that a crash at that moment may leave.

import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// How many disks are looked at. `CAIRN_CRASH_STATES` says how many at most for each moment and model of every sweep;
/// without it the sweeps are not explored, which takes a release build.
enum ExplorationEffort {
  static let statesPerMoment = number("CAIRN_CRASH_STATES")
  /// At one of so many disks the recovery is explored as well.
  static let recoveryInterval = number("CAIRN_CRASH_RECOVERIES") ?? 40
  /// Disks for each moment of such a recovery, and model.
  static let statesPerRecoveryMoment = 2

  private static func number(_ name: String) -> Int? {
    getenv(name).flatMap { Int(String(cString: $0)) }.map { max(1, $0) }
  }
}

/// Explores all that a crash of a workload may leave: opens each disk with the real code, checks it against the
/// model, and does the same with the disks that a crash of some of these recoveries may leave.
struct CrashExplorer {
  /// What was looked at, and what was wrong.
  struct Findings {
    var moments = 0
    var exhaustiveMoments = 0
    var states = 0
    var recoveries = 0
    var violations: [String] = []
  }

  let sweep: CrashSweep
  let statesPerMoment: Int

  private struct Moment {
    var disk: DiskMoment
    var durable: Int
    var issued: Int
  }

  /// Explores, prints what was looked at, and records every violation as an issue.
  func verify() {
    let findings = explore()
    print(
      "crash explorer \(sweep.name): \(findings.states) states of \(findings.moments) moments "
        + "(\(findings.exhaustiveMoments) exhausted), \(findings.recoveries) crashes of recoveries")
    for violation in findings.violations.prefix(5) { Issue.record("\(violation)") }
    #expect(findings.violations.count == 0)
    #expect(findings.states > 0)
  }

  func explore() -> Findings {
    var findings = Findings()
    let history = History(sweep.workload.commits)
    for moment in moments(of: history) {
      for model in [CrashModel.strict, .ordered] {
        let states = moment.disk.crashStates(
          model, limit: statesPerMoment, seed: UInt64(moment.disk.operation))
        findings.moments += 1
        if states.isExhaustive { findings.exhaustiveMoments += 1 }
        for (index, disk) in states.disks.enumerated() {
          let check = RecoveryCheck(
            path: CrashSweep.path, options: sweep.options, history: history, lower: moment.durable,
            upper: moment.issued)
          let place =
            "\(sweep.name): before operation \(moment.disk.operation), \(model), state \(index) of "
            + "\(states.disks.count) (CAIRN_CRASH_STATES=\(statesPerMoment))"
          let copy =
            findings.states % ExplorationEffort.recoveryInterval == 0 ? disk.crash(.kill, seed: 0) : nil
          let (complaints, prefix) = check.run(on: disk, seed: UInt64(index))
          findings.states += 1
          findings.violations += complaints.map { "\(place): \($0)" }
          if let copy, let prefix { exploreRecovery(of: copy, history, prefix, place, &findings) }
          if findings.violations.count >= 20 { return findings }
        }
      }
    }
    return findings
  }

  /// Every moment of the workload at which a crash could leave something new, and what had been promised by then.
  private func moments(of history: History) -> [Moment] {
    let disk = SimulatedFileSystem()
    var run = WorkloadRun(path: CrashSweep.path, options: sweep.options, history: history)
    let progress = run.progress
    let seen = Mutex<[Moment]>([])
    disk.setObserver { moment in
      seen.withLock { seen in
        seen.append(Moment(disk: moment, durable: progress.durable, issued: progress.issued))
      }
    }
    run.run(sweep.workload, in: sweep.environment(disk, seed: 1), closing: true)
    disk.setObserver(nil)
    let last = Moment(disk: disk.moment, durable: run.durable, issued: run.issued)
    return seen.withLock { $0 } + [last]
  }

  /// What a first crash has left is durable, whatever becomes of its recovery: the same commits come out.
  private func exploreRecovery(
    of disk: SimulatedFileSystem, _ history: History, _ prefix: Int, _ place: String,
    _ findings: inout Findings
  ) {
    let seen = Mutex<[DiskMoment]>([])
    disk.setObserver { moment in seen.withLock { $0.append(moment) } }
    let engine = try? Engine.open(
      at: CrashSweep.path, options: sweep.options, environment: sweep.environment(disk, seed: 6))
    disk.setObserver(nil)
    withExtendedLifetime(engine) {}
    for moment in seen.withLock({ $0 }) {
      let model: CrashModel = moment.operation % 2 == 0 ? .strict : .ordered
      let states = moment.crashStates(
        model, limit: ExplorationEffort.statesPerRecoveryMoment, seed: UInt64(moment.operation))
      for (index, second) in states.disks.enumerated() {
        let check = RecoveryCheck(
          path: CrashSweep.path, options: sweep.options, history: history, lower: prefix, upper: prefix)
        let (complaints, _) = check.run(on: second, seed: UInt64(index))
        findings.recoveries += 1
        findings.violations += complaints.map {
          "\(place), recovery before operation \(moment.operation), \(model), state \(index): \($0)"
        }
      }
    }
  }
}
