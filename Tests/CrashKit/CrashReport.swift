/// The explorations as tests run them: what was looked at is printed, and what was wrong is thrown.
package enum CrashReport {
  /// Explores the crashes of one of those workloads, or repeats the one case that was asked for.
  package static func crashes(of workloads: [any CrashWorkload], _ name: String) async throws {
    guard let workload = workloads.first(where: { $0.name == name }) else { return }
    if CrashEffort.chosenFault != nil { return }
    if let wanted = CrashEffort.chosenCase {
      if wanted.workload == name { try await replay(wanted, workload) }
      return
    }
    var explorer = CrashExplorer(workload)
    let findings = await explorer.explore()
    if CrashEffort.chosen.isAskedFor {
      print(
        "crashes \(name): \(findings.states) states of \(findings.moments) moments, "
          + "\(findings.exhaustedMoments) exhausted, \(findings.recoveries) of recoveries, "
          + "\(findings.deepest) of recoveries of recoveries, "
          + "\(findings.exhaustedRecoveryMoments) of \(findings.recoveryMoments) moments of recoveries exhausted, "
          + "\(findings.failures.count) violations, "
          + "seed \(CrashEffort.chosen.seed)")
    }
    if !findings.failures.isEmpty { throw CrashFinding(findings.failures.map(\.description)) }
    if findings.states == 0 { throw CrashFinding(["\(name): no state was looked at"]) }
  }

  private static func replay(_ wanted: CrashCase, _ workload: any CrashWorkload) async throws {
    guard let failure = await workload.replay(wanted) else {
      throw CrashFinding(["there is no such moment: \(wanted)"])
    }
    print("crash \(wanted): \(failure.losses)")
    if !failure.complaints.isEmpty { throw CrashFinding(failure.complaints) }
  }

  /// Lets the operations of one of those workloads fail.
  package static func failures(of workloads: [any CrashWorkload], _ name: String) async throws {
    guard CrashEffort.chosenCase == nil, let workload = workloads.first(where: { $0.name == name }) else {
      return
    }
    var explorer = FaultExplorer(workload)
    let findings = await explorer.explore()
    if CrashEffort.chosen.isAskedFor {
      for line in findings.lines { print("faults \(name): \(line)") }
    }
    if !findings.violations.isEmpty { throw CrashFinding(findings.violations) }
    if findings.count == 0, CrashEffort.chosenFault == nil { throw CrashFinding(["\(name): nothing failed"]) }
  }
}

/// What was wrong.
package struct CrashFinding: Error, CustomStringConvertible {
  package var description: String

  init(_ findings: [String]) {
    description = findings.joined(separator: "\n")
  }
}
