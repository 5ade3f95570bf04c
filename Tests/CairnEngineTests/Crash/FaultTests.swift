// Every call of every kind fails once, or from then on, and nothing that was acknowledged is lost.

import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct FaultTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var operation: FaultPlan.Operation
    var cause: FaultPlan.Cause
    var testDescription: String { "\(operation) \(cause)" }
  }

  static let cases: [Case] =
    [
      .write, .synchronize, .rename, .open, .create, .list, .read, .synchronizeDirectory, .remove, .lock,
      .information, .size, .createDirectory, .close,
    ].map { Case(operation: $0, cause: .inputOutput) }
    + [.write, .synchronize, .rename, .create, .synchronizeDirectory].map {
      Case(operation: $0, cause: .noSpace)
    }

  private static var options: EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 16 << 10
    options.segmentBytes = 8 << 10
    options.leastManifestRolloverBytes = 12 << 10
    return options
  }

  @Test(arguments: cases) func callsFail(_ fault: Case) {
    // Files are removed when there was something to compact.
    let commits = fault.operation == .remove ? 40 : 14
    let workload = Workload.random(seed: 11, commits: commits, keys: 9, reopening: 30, largeValues: false)
    explore(fault, workload, every: 2)
  }

  /// Of several segments and a value file, over what is in a memtable and in segments.
  @Test(arguments: cases) func callsOfAnIngestFail(_ fault: Case) {
    func entries(_ fill: UInt8, _ bytes: Int) -> [KeyValue] {
      (2..<9).map { KeyValue(key: Array("key-\($0)".utf8), value: [UInt8](repeating: fill, count: bytes)) }
    }
    let range = KeyRange(from: Array("key-2".utf8), to: Array("key-9".utf8))
    var workload = Workload()
    workload.commit(.durable, .set(Array("key-3".utf8), [1]), .set(Array("key-9".utf8), [2]))
    workload.ingest(into: range, replacing: true, entries(3, 5000))
    workload.commit(.buffered, .set(Array("key-4".utf8), [4]))
    workload.ingest(into: range, replacing: true, entries(5, 1900))
    workload.ingest(into: .prefix([0xFF]), replacing: false, [KeyValue(key: [0xFF], value: [6])])
    explore(fault, workload, every: 1)
  }

  private func explore(_ fault: Case, _ workload: Workload, every interval: Int) {
    let history = History(workload.commits)
    var states = 0
    for occurrence in stride(from: 1, through: calls(of: fault.operation, workload, history), by: interval) {
      for isSticky in [false, true] {
        let disk = SimulatedFileSystem(
          faultPlan: FaultPlan(
            [.init(fault.operation, occurrence: occurrence, isSticky: isSticky, cause: fault.cause)],
            seed: UInt64(occurrence)))
        var run = WorkloadRun(path: "/store", options: Self.options, history: history)
        let canRead = ![.read, .open, .size].contains(fault.operation)
        run.run(workload, in: .simulated(disk, seed: 1), closing: true, surviving: canRead)
        disk.setFaultPlan(FaultPlan())
        var complaints = run.complaints
        if let failure = run.failure {
          complaints += Self.complaint(about: failure, fault).map { [$0] } ?? []
        }
        // A commit that was refused is not there. Only one whose outcome is unknown may be.
        let check = RecoveryCheck(
          path: "/store", options: Self.options, history: history, lower: run.durable,
          upper: run.failure?.code == .outcomeUnknown ? run.issued : run.acknowledged)
        let model: CrashModel = (occurrence / 2).isMultiple(of: 2) ? .strict : .ordered
        complaints += check.run(on: disk.crash(model, seed: UInt64(occurrence)), seed: 2).complaints
        // The process goes on, and opens the store again on the same disk; then the power goes.
        if isSticky {
          _ = try? Engine.open(at: "/store", options: Self.options, environment: .simulated(disk, seed: 3))
            .close()
          complaints += check.run(on: disk.crash(.strict, seed: UInt64(occurrence)), seed: 4).complaints
        } else {
          complaints += check.run(on: disk, seed: 4).complaints
        }
        states += 2
        for complaint in complaints {
          Issue.record("\(fault.testDescription) at call \(occurrence), sticky \(isSticky): \(complaint)")
        }
      }
    }
    print("faults \(fault.testDescription): \(states) states")
    #expect(states > 0)
  }

  private static func complaint(about failure: StorageError, _ fault: Case) -> String? {
    switch failure.code {
    case .outcomeUnknown, .storageFailed: nil
    case .inputOutput where fault.cause == .inputOutput: nil
    // A sync that fails for want of space fails like any other, and so does a write that is a sync as well.
    case .inputOutput where [.write, .synchronize, .synchronizeDirectory].contains(fault.operation): nil
    case .full where fault.cause == .noSpace: nil
    default: "fails with \(failure)"
    }
  }

  /// How many calls of a kind the workload makes when nothing fails.
  private func calls(of operation: FaultPlan.Operation, _ workload: Workload, _ history: History) -> Int {
    let disk = SimulatedFileSystem()
    var seen = 0
    var count = 0
    func look() {
      let new = disk.trace.suffix(min(disk.operationCount - seen, SimulatedFileSystem.traceLimit))
      count += new.filter { $0.split(separator: " ").dropFirst().first == operation.rawValue[...] }.count
      seen = disk.operationCount
    }
    var run = WorkloadRun(path: "/store", options: Self.options, history: history)
    run.run(workload, in: .simulated(disk, seed: 1), closing: true, afterStep: look)
    look()
    return count
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
