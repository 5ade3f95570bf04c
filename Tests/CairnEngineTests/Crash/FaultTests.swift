// What failures of single calls lead to, where more is to be said than that nothing is lost (`CrashTests.failures`).

import CairnKV
import CairnTesting
import CrashKit
import Testing

@testable import CairnEngine

@Suite struct FaultTests {
  private static var options: EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 16 << 10
    options.segmentBytes = 8 << 10
    options.leastManifestRolloverBytes = 12 << 10
    return options
  }

  /// A manifest's rollover that fails half-way must not go on with a file that has lost its name.
  @Test(arguments: [FaultPlan.Operation.synchronizeDirectory, .rename, .create])
  func rolloverFails(_ operation: FaultPlan.Operation) throws {
    var workload = Workload()
    for index in 0..<28 {
      workload.commit(.durable, .set([UInt8(index % 5)], [UInt8](repeating: UInt8(index), count: 9000)))
    }
    let history = History(workload.commits)
    for occurrence in 3..<40 {
      let fault = FaultPlan.Fault(operation, occurrence: occurrence, cause: .noSpace)
      let disk = SimulatedFileSystem(faultPlan: FaultPlan([fault], seed: UInt64(occurrence)))
      var run = WorkloadRun(path: "/store", options: Self.options, history: history)
      run.run(workload, in: .simulated(disk, seed: 1), surviving: true)
      disk.setFaultPlan(FaultPlan())
      let check = RecoveryCheck(
        path: "/store", options: Self.options, history: history, lower: run.durable, upper: run.issued)
      let complaints = check.run(on: disk.crash(.strict, seed: 1), seed: 1).complaints
      #expect(run.complaints + complaints == [], "\(operation) \(occurrence)")
    }
  }

  /// After a failed sync: the group in flight is unknown, what follows is refused with the first cause, reads
  /// go on, and the file is never synchronized again.
  @Test func failedSynchronization() throws {
    let disk = SimulatedFileSystem()
    let engine = try Engine.open(at: "/store", environment: .simulated(disk, seed: 1))
    try engine.write { try $0.set([1], to: [1]) }
    disk.setFaultPlan(FaultPlan([.init(.synchronize)]))
    let calls = disk.trace.count
    #expect(code(of: { _ = try engine.write { try $0.set([1], to: [2]) } }) == .outcomeUnknown)
    for _ in 0..<3 {
      #expect(code(of: { _ = try engine.write { try $0.set([2], to: [2]) } }) == .storageFailed)
      #expect(try engine.read { try $0.get([1]) } == [1])
    }
    #expect(code(of: { try engine.close() }) == .storageFailed)
    let synchronizations = disk.trace[calls...].filter { $0.contains(" synchronize ") }
    #expect(synchronizations.count == 1, "\(synchronizations)")
  }

  /// Whichever file's sync fails, no other is tried: it would seem to succeed, and what it relies on not be there.
  @Test func afterAFailedSynchronizationNoneIsTried() {
    let latch = FailureLatch()
    let failure = StorageError(.inputOutput, "the first cause")
    let first = code { try latch.synchronize { () throws(StorageError) in throw failure } }
    #expect(first == .inputOutput)
    var isTried = false
    let second = code { try latch.synchronize { () throws(StorageError) in isTried = true } }
    #expect(second == .storageFailed && !isTried)
    #expect(latch.refusal?.message.contains("the first cause") == true)
  }

  @Test func failingListIsNotAnEmptyStore() throws {
    let disk = SimulatedFileSystem()
    let environment = Environment.simulated(disk, seed: 1)
    let engine = try Engine.open(at: "/store", environment: environment)
    try engine.write { try $0.set([1], to: [1]) }
    try engine.close()
    for operation in [FaultPlan.Operation.list, .information, .open, .read, .size] {
      disk.setFaultPlan(FaultPlan([.init(operation, isSticky: true)]))
      let found = code(of: { _ = try Engine.open(at: "/store", environment: environment) })
      #expect(found == .inputOutput, "\(operation)")
    }
    disk.setFaultPlan(FaultPlan())
    let again = try Engine.open(at: "/store", environment: environment)
    #expect(try again.read { try $0.get([1]) } == [1])
  }

  /// A read that fails is an error of that read, and of nothing else.
  @Test func failingRead() throws {
    let disk = SimulatedFileSystem()
    let environment = Environment.simulated(disk, seed: 1)
    let engine = try Engine.open(at: "/store", options: Self.options, environment: environment)
    for index in 0..<12 {
      try engine.write { try $0.set([UInt8(index)], to: [UInt8](repeating: UInt8(index), count: 3000)) }
    }
    try engine.close()
    let again = try Engine.open(at: "/store", options: Self.options, environment: environment)
    disk.setFaultPlan(FaultPlan([.init(.read, isSticky: true, pathContaining: ".segment")]))
    #expect(code(of: { _ = try again.read { try $0.entries(in: .all) } }) == .inputOutput)
    disk.setFaultPlan(FaultPlan())
    #expect(try again.read { try $0.entries(in: .all).count } == 12)
    try again.write { try $0.set([100], to: []) }
    try again.close()
  }

  private func code(of body: () throws -> Void) -> StorageError.Code? {
    do {
      try body()
    } catch {
      return (error as? StorageError)?.code
    }
    return nil
  }
}
