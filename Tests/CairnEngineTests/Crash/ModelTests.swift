// Without any fault the engine answers as the model does, at every moment.

import CairnKV
import CairnTesting
import CrashKit
import Testing

@testable import CairnEngine

@Suite struct ModelTests {
  @Test(arguments: 1...4 as ClosedRange<UInt64>) func randomOperations(seed: UInt64) throws {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 16 << 10
    options.segmentBytes = 8 << 10
    options.leastManifestRolloverBytes = 32 << 10
    options.prefixRule = [.none, .fixedLength(1), .fixedLength(2), .fixedLength(4)][Int(seed % 4)]
    let workload = Workload.random(seed: seed, commits: 250)
    let disk = SimulatedFileSystem()
    var run = WorkloadRun(path: "/store", options: options, history: History(workload.commits))
    run.run(workload, in: .simulated(disk, seed: seed), closing: seed % 2 == 0, checking: true)
    #expect(run.failure == nil, "seed \(seed)")
    #expect(run.complaints == [], "seed \(seed)")
    // Without having been closed, too: nobody pulled the plug.
    let check = RecoveryCheck(
      path: "/store", options: options, history: run.history, lower: run.issued, upper: run.issued)
    #expect(check.run(on: disk, seed: seed).complaints == [], "seed \(seed)")
  }
}
