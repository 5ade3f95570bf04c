// Every workload, crashed and failing in every way: short exhaustive workloads find more than long random ones.

import CairnTesting
import CrashKit
import Testing

@testable import CairnEngine

@Suite struct CrashTests {
  /// Each forces one mechanism.
  static let workloads: [any CrashWorkload] =
    [
      EngineWorkload.creation, .singleCommits, .bufferedCommits, .largeValues, .logRotation, .flushes,
      .flushesAskedFor(keepingLogFiles: true), .flushesAskedFor(keepingLogFiles: false), .compactions,
      .rangeRemovals(withSnapshot: false), .rangeRemovals(withSnapshot: true), .valueFiles, .valueReclaiming,
      .manifestRollover, .closing, .idle, .slowRemovals, .replacingIngests, .ingestsAlone, .backups,
      .fullDisk,
      .formatRatchet, .longKeys,
    ] as [EngineWorkload] + [GroupWorkload()]

  /// These meet what nobody thought of.
  static let randomWorkloads: [any CrashWorkload] =
    [.random(seed: 1), .random(seed: 2), .randomIngests(seed: 1)] as [EngineWorkload]

  @Test(arguments: workloads.map(\.name)) func crashes(workload name: String) async throws {
    try await CrashReport.crashes(of: Self.workloads, name)
  }

  @Test(arguments: randomWorkloads.map(\.name)) func crashes(randomWorkload name: String) async throws {
    try await CrashReport.crashes(of: Self.randomWorkloads, name)
  }

  @Test(arguments: workloads.map(\.name)) func failures(workload name: String) async throws {
    try await CrashReport.failures(of: Self.workloads, name)
  }
}
