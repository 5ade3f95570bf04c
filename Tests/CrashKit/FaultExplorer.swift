// Every call of a workload fails, and every call of a recovery: the error is told, or nobody has to know, and nothing that
// was acknowledged is lost. And a device that says that it has done what it has not.

import CairnKV
import CairnTesting

/// Lets the operations of a workload fail, one at a time.
package struct FaultExplorer {
  /// What was tried, and what came of it.
  package struct Findings: Sendable {
    /// How many failures there could be, those of the recoveries that were looked at with them.
    package var possible = 0
    package var count = 0
    package var outcomes: [String: [FaultOutcome: Int]] = [:]
    package var violations: [String] = []

    mutating func add(_ fault: FaultCase, _ outcome: FaultOutcome) {
      count += 1
      outcomes["\(fault.operation) \(fault.cause)", default: [:]][outcome, default: 0] += 1
    }

    /// A line for each kind of call and error.
    package var lines: [String] {
      let table = outcomes.sorted { $0.key < $1.key }.map { kind, counts in
        "\(kind): "
          + FaultOutcome.allCases.filter { counts[$0] != nil }.map { "\(counts[$0] ?? 0) \($0.rawValue)" }
          .joined(separator: ", ")
      }
      return table + ["\(count) of \(possible) failures, \(violations.count) violations"]
    }
  }

  private static let greatestViolationCount = 3
  /// Of so many crashes of the workload the recovery's calls fail as well.
  private static let recoveryCount = 4

  private let workload: any CrashWorkload
  private let effort: CrashEffort
  private var generator: SeededGenerator
  private var findings = Findings()
  /// Different errors at one call mostly leave the same disk.
  private var verdicts: [JudgedDisk: CrashVerdict] = [:]

  package init(_ workload: any CrashWorkload, _ effort: CrashEffort = .chosen) {
    self.workload = workload
    self.effort = effort
    generator = SeededGenerator(seed: effort.seed)
  }

  private var isOver: Bool { findings.violations.count >= Self.greatestViolationCount }

  /// Lets as many operations fail as the effort has it, or all.
  package mutating func explore() async -> Findings {
    let whole = SimulatedFileSystem()
    whole.startRecording()
    try? await workload.run(workload.allSteps, on: whole, CrashAccount())
    let operations = whole.recording.map(\.operation)
    for fault in choose(FaultCase.all(of: operations, seed: effort.seed), effort.faults)
    where !isOver && isWanted("\(workload.name) \(fault)") {
      await fail(fault, among: operations)
    }
    await failRecoveries()
    return findings
  }

  /// Whether no other one was asked for.
  private func isWanted(_ text: String) -> Bool {
    guard let wanted = CrashEffort.chosenFault else { return true }
    return text == wanted
  }

  private mutating func choose(_ cases: [FaultCase], _ count: Int?) -> [FaultCase] {
    findings.possible += cases.count
    guard let count, count < cases.count else { return cases }
    return Array(cases.shuffled(using: &generator).prefix(count))
  }

  private mutating func judge(_ disk: SimulatedFileSystem, _ bounds: CrashBounds) async -> CrashVerdict {
    let judged = JudgedDisk(disk: disk.fingerprint, bounds: bounds)
    if let verdict = verdicts[judged] { return verdict }
    let verdict = await workload.judge(disk, workload.allSteps, bounds)
    verdicts[judged] = verdict
    return verdict
  }

  // MARK: Of the workload

  private mutating func fail(_ fault: FaultCase, among operations: [FaultPlan.Operation]) async {
    let disk = SimulatedFileSystem(faultPlan: fault.plan)
    disk.startRecording()
    let account = CrashAccount()
    var failure: (any Error)?
    do { try await workload.run(workload.allSteps, on: disk, account) } catch { failure = error }
    var complaints = account.complaints
    if disk.metFaultCount == 0 { complaints.append("the call was not made") }
    if let failure { complaints += complaint(about: failure, fault).map { [$0] } ?? [] }
    let promise = account.promise
    let isRepeated =
      disk.recording.count { $0.operation == fault.operation }
      > operations.count { $0 == fault.operation }
    disk.setFaultPlan(FaultPlan())

    if fault.cause.isSilent {
      await judgeSilence(disk, promise, fault, failure, complaints)
      return
    }
    // A commit that was refused is not there. Only one whose outcome is unknown may be.
    let isUnknown = (failure.flatMap { workload.storageError($0) })?.code == .outcomeUnknown
    let bounds = CrashBounds(
      lower: promise.durable, upper: isUnknown ? promise.issued : promise.acknowledged, mark: promise.mark)
    // The power goes; or another process opens the store on the same machine, and then the power goes.
    // Which one, the failure decides: so that it alone does the same.
    var generator = SeededGenerator(seed: fault.seed &* 31 &+ (fault.isSticky ? 1 : 0))
    let model: CrashModel = generator.chance(1, in: 2) ? .strict : .ordered
    let crashed = disk.crash(model, seed: fault.seed)
    let survivor = disk.afterProcessDeath()
    complaints += await judge(crashed, bounds).complaints
    if generator.chance(1, in: 2) {
      try? await workload.recover(survivor)
      let later = survivor.crash(model, seed: fault.seed)
      complaints += await judge(later, bounds).complaints
    } else {
      complaints += await judge(survivor, bounds).complaints
    }
    add(fault, failure != nil ? .reported : isRepeated ? .retried : .harmless, complaints, "")
  }

  /// After damage in silence the store holds what was right at some time, or says what is wrong; reading what it holds
  /// gives no other bytes.
  private mutating func judgeSilence(
    _ disk: SimulatedFileSystem, _ promise: CrashPromise, _ fault: FaultCase, _ failure: (any Error)?,
    _ complaints: [String]
  ) async {
    let bounds = CrashBounds(lower: 0, upper: promise.issued)
    let verdict = await judge(disk.crash(.strict, seed: fault.seed), bounds)
    if let refusal = verdict.refusal {
      let isTold = [.corruption, .unsupportedFormat, .storageFailed].contains(refusal.code)
      add(fault, .detected, isTold && refusal.file != nil ? complaints : complaints + ["\(refusal)"], "")
      return
    }
    let isWhole = (verdict.prefix ?? 0) >= promise.durable
    add(
      fault, failure != nil ? .reported : isWhole ? .harmless : .lostEnd, complaints + verdict.complaints, "")
  }

  private mutating func add(
    _ fault: FaultCase, _ outcome: FaultOutcome, _ complaints: [String], _ place: String
  ) {
    findings.add(fault, outcome)
    guard !complaints.isEmpty else { return }
    findings.violations.append(
      "\(complaints.joined(separator: "; "))\nagain: CAIRN_CRASH_FAULT=\"\(workload.name) \(fault)\(place)\" "
        + "make explore SEED=\(effort.seed) FAULTS=0")
  }

  private func complaint(about failure: any Error, _ fault: FaultCase) -> String? {
    guard let error = workload.storageError(failure) else { return "an error of another type: \(failure)" }
    switch error.code {
    case .outcomeUnknown, .storageFailed: return nil
    case .inputOutput where !fault.cause.isSilent: return nil
    case .full where fault.cause == .noSpace || fault.cause == .quotaExceeded: return nil
    // What says which version it is may be what changed.
    case .corruption, .unsupportedFormat: return fault.cause.isSilent ? nil : "fails with \(error)"
    default: return "fails with \(error)"
    }
  }

  // MARK: Of recoveries

  private mutating func failRecoveries() async {
    let run = await CrashScenes.ofRun(workload, workload.allSteps)
    for scene in run.all.shuffled(using: &generator).prefix(Self.recoveryCount) where !isOver {
      let choices = scene.moment.choices(.strict, limit: 8, seed: generator.next()).choices
      guard let choice = choices.randomElement(using: &generator) else { continue }
      let crash = CrashCase.Crash(operation: scene.moment.operation, choice: choice)
      guard let promise = await workload.promise(of: scene, crash, workload.allSteps) else { continue }
      let whole = scene.moment.disk(after: choice)
      whole.startRecording()
      try? await workload.recover(whole)
      let cases = FaultCase.all(of: whole.recording.map(\.operation), seed: effort.seed).filter {
        !$0.cause.isSilent
      }
      for fault in choose(cases, effort.faults.map { $0 / Self.recoveryCount })
      where !isOver && isWanted("\(workload.name) \(fault) \(crash.operation):\(crash.choice)") {
        await failRecovery(scene.moment.disk(after: choice), promise, fault, crash)
      }
    }
  }

  private mutating func failRecovery(
    _ disk: SimulatedFileSystem, _ promise: CrashPromise, _ fault: FaultCase, _ crash: CrashCase.Crash
  ) async {
    disk.setFaultPlan(fault.plan)
    var failure: (any Error)?
    do { try await workload.recover(disk) } catch { failure = error }
    let isMet = disk.metFaultCount > 0
    disk.setFaultPlan(FaultPlan())
    var complaints = failure.flatMap { complaint(about: $0, fault) }.map { [$0] } ?? []
    if !isMet { complaints.append("the call was not made") }
    let bounds = promise.bounds(afterPowerCut: true)
    let crashed = disk.crash(.strict, seed: fault.seed)
    complaints += await judge(crashed, bounds).complaints
    complaints += await judge(disk.afterProcessDeath(), bounds).complaints
    add(
      fault, failure != nil ? .reported : .harmless, complaints,
      " \(crash.operation):\(crash.choice)")
  }
}
