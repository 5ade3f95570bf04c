import CairnKV
import CairnTesting
import CrashKit
import Testing

@testable import CairnEngine

@Suite struct IngestModelTests {
  /// Without any fault the engine answers as the model does, at every moment.
  @Test(arguments: 1...6 as ClosedRange<UInt64>) func randomOperations(seed: UInt64) throws {
    var options = EngineOptions.tiny
    options.leastManifestRolloverBytes = 32 << 10
    let workload = Workload.random(seed: seed, commits: 160, ingesting: 20)
    let disk = SimulatedFileSystem()
    var run = WorkloadRun(path: "/store", options: options, history: History(workload.commits))
    run.run(workload, in: .simulated(disk, seed: seed), closing: seed % 2 == 0, checking: true)
    #expect(run.failure == nil, "seed \(seed)")
    #expect(run.complaints == [], "seed \(seed)")
    let check = RecoveryCheck(
      path: "/store", options: options, history: run.history, lower: run.issued, upper: run.issued)
    #expect(check.run(on: disk, seed: seed).complaints == [], "seed \(seed)")
  }
}
