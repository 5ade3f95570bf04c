import CrashKit
import Testing

@Suite struct LayerCrashTests {
  private static let workloads: [any CrashWorkload] =
    [.checkpoints, .events, .mixedWorkflow(seed: 1)] as [LayerWorkload]

  @Test(arguments: workloads.map(\.name)) func crashes(workload name: String) async throws {
    try await CrashReport.crashes(of: Self.workloads, name)
  }

  @Test(arguments: workloads.map(\.name)) func failures(workload name: String) async throws {
    try await CrashReport.failures(of: Self.workloads, name)
  }
}
