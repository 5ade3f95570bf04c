import CairnKV
import CairnTesting
import CrashKit
import Testing

@testable import CairnEngine

/// Calls on value files that fail while values are flushed and files are rewritten.
@Suite struct ValueFaultTests {
  private static var options: EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 16 << 10
    options.segmentBytes = 8 << 10
    return options
  }

  /// Every value file soon holds little that is live, so that flushes and rewritings take turns.
  private static func workload() -> Workload {
    var workload = Workload()
    for index in 0..<24 {
      workload.commit(
        index % 4 == 1 ? .buffered : .durable,
        .set(Array("kept-\(index)".utf8), [UInt8](repeating: UInt8(index), count: 2500)),
        .set(Array("key-\(index % 3)".utf8), [UInt8](repeating: UInt8(index), count: 6000)))
    }
    return workload
  }

  /// Nothing is lost, and no file is left behind that the manifest does not list, be it after a close.
  @Test(
    arguments: [FaultPlan.Operation.create, .write, .synchronize, .close, .open, .read],
    [FaultPlan.Cause.noSpace, .inputOutput])
  func callsOnValueFilesFail(operation: FaultPlan.Operation, cause: FaultPlan.Cause) throws {
    let workload = Self.workload()
    let history = History(workload.commits)
    var failures = 0
    for occurrence in 1..<14 {
      for isSticky in [false, true] {
        let disk = SimulatedFileSystem(
          faultPlan: FaultPlan(
            [
              .init(
                operation, occurrence: occurrence, isSticky: isSticky, cause: cause, pathContaining: ".values"
              )
            ], seed: 1))
        var run = WorkloadRun(path: "/store", options: Self.options, history: history)
        run.run(workload, in: .simulated(disk, seed: 1), closing: true)
        failures += run.failure == nil ? 0 : 1
        disk.setFaultPlan(FaultPlan())
        let check = RecoveryCheck(
          path: "/store", options: Self.options, history: history, lower: run.durable,
          upper: run.failure?.code == .outcomeUnknown ? run.issued : run.acknowledged)
        var complaints = run.complaints
        if run.failure == nil { complaints += try check.strays(on: disk) }
        complaints += check.run(on: disk.crash(.strict, seed: UInt64(occurrence)), seed: 2).complaints
        #expect(complaints == [], "\(operation) \(cause) at call \(occurrence), sticky \(isSticky)")
      }
    }
    print("value faults \(operation) \(cause): \(failures) runs were cut short")
  }
}
