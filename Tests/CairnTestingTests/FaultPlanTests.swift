import CairnEngine
import CairnKV
import CairnTesting
import Testing

@Suite struct FaultPlanTests {
  static let seeds: Range<UInt64> = 0..<200

  private func failure(_ body: () throws -> Void) -> StorageError? {
    #expect(throws: StorageError.self) { try body() }
  }

  /// Does each kind of operation once, and says which failed.
  private func failingOperations(_ disk: SimulatedFileSystem) -> [FaultPlan.Operation] {
    var failing: [FaultPlan.Operation] = []
    var file: (any File)?
    func attempt(_ operation: FaultPlan.Operation, _ body: () throws -> Void) {
      do { try body() } catch { failing.append(operation) }
    }
    attempt(.create) { file = try disk.openFile("a", .create) }
    if let file {
      attempt(.write) { try file.writeBytes([1], at: 0) }
      attempt(.read) { _ = try file.readBytes(1, at: 0) }
      attempt(.startWriteback) { try file.startWriteback(at: 0, count: 1) }
      attempt(.synchronize) { try file.synchronize() }
      attempt(.truncate) { try file.truncate(to: 1) }
      attempt(.preallocate) { try file.preallocate(1) }
      attempt(.size) { _ = try file.size() }
      attempt(.open) { _ = try disk.openFile("a", .read) }
      attempt(.link) { try disk.link("a", to: "b") }
      attempt(.rename) { try disk.rename("a", to: "c") }
      attempt(.remove) { try disk.remove(disk.list("/").first ?? "") }
      attempt(.close) { try file.close() }
    }
    attempt(.createDirectory) { try disk.createDirectory("d") }
    attempt(.list) { _ = try disk.list("d") }
    attempt(.information) { _ = try disk.information(at: "d") }
    attempt(.synchronizeDirectory) { try disk.synchronizeDirectory("/") }
    attempt(.lock) { try disk.lock("LOCK").release() }
    return failing
  }

  /// Those of a file system, but for two that others are made of here.
  @Test(
    arguments: Set(FaultPlan.Operation.allCases).subtracting([.createDirectory, .list, .effect, .note, .pass])
  )
  func everyKindOfOperationCanFail(operation: FaultPlan.Operation) {
    #expect(failingOperations(SimulatedFileSystem()) == [])
    let disk = SimulatedFileSystem(faultPlan: FaultPlan([FaultPlan.Fault(operation)]))
    #expect(failingOperations(disk) == [operation])
  }

  @Test func theChosenOccurrenceFails() throws {
    let plan = FaultPlan([
      FaultPlan.Fault(.write, occurrence: 2),
      FaultPlan.Fault(.write, occurrence: 2, isSticky: true, cause: .noSpace, pathContaining: "other"),
    ])
    let disk = SimulatedFileSystem(faultPlan: plan)
    let file = try disk.openFile("a", .create)
    try file.writeBytes([1], at: 0)
    let error = try #require(failure { try file.writeBytes([2], at: 0) })
    #expect(error.code == .inputOutput)
    #expect(error.file == "a")
    #expect(error.message == "cannot write \"a\": Input/output error (injected)")
    try file.writeBytes([3], at: 0)
    let other = try disk.openFile("other", .create)
    try other.writeBytes([1], at: 0)
    for _ in 0..<3 { #expect(failure { try other.writeBytes([1], at: 0) }?.code == .full) }
    try file.writeBytes([4], at: 0)
    disk.setFaultPlan(FaultPlan())
    try other.writeBytes([1], at: 0)
  }

  @Test func anyErrorCanBeInjected() throws {
    let error = StorageError(.inputOutput, "the cable is out", systemError: 99)
    let disk = SimulatedFileSystem(faultPlan: FaultPlan([.init(nil, occurrence: 2, cause: .error(error))]))
    _ = try disk.list("/")
    #expect(failure { _ = try disk.list("/") } == error)
    _ = try disk.list("/")
  }

  @Test func aFailedWriteMayHappenInPart() throws {
    var lengths: Set<UInt64> = []
    for seed in Self.seeds {
      let disk = SimulatedFileSystem(faultPlan: FaultPlan([.init(.write, cause: .noSpace)], seed: seed))
      let file = try disk.openFile("a", .create)
      #expect(failure { try file.writeBytes([1, 2, 3], at: 0) }?.code == .full)
      let content = try file.readBytes(3, at: 0)
      #expect(content == Array([1, 2, 3].prefix(content.count)))
      lengths.insert(try file.size())
    }
    #expect(lengths == [0, 1, 2, 3])
  }

  /// What a failed synchronization dropped is never made durable, though it can be read.
  @Test func aFailedSynchronizationIsNotMadeGoodByAnother() throws {
    var survivors: Set<[UInt8]> = []
    for seed in Self.seeds {
      let disk = SimulatedFileSystem()
      try disk.createDurably("a", Array(repeating: 0, count: 1024))
      disk.setFaultPlan(FaultPlan([.init(.synchronize)], seed: seed))
      let file = try disk.openFile("a", .readWrite)
      try file.writeBytes([1], at: 0)
      try file.writeBytes([2], at: 1023)
      #expect(failure { try file.synchronize() } != nil)
      try file.synchronize()
      #expect(try file.readBytes(1, at: 0) == [1])
      #expect(disk.unsynchronizedChangeCount == 0)
      let content = try #require(try disk.crash(.strict, seed: seed).contents("a"))
      survivors.insert([content[0], content[1023]])
    }
    #expect(survivors == [[0, 0], [1, 0], [0, 2], [1, 2]])
  }

  @Test func aFailedDirectorySynchronizationIsNotEither() throws {
    var survivors: Set<[String]> = []
    for seed in Self.seeds {
      let plan = FaultPlan([.init(.synchronizeDirectory)], seed: seed)
      let disk = SimulatedFileSystem(faultPlan: plan)
      try disk.openFile("a", .create).close()
      try disk.openFile("b", .create).close()
      #expect(failure { try disk.synchronizeDirectory("/") } != nil)
      try disk.synchronizeDirectory("/")
      #expect(try disk.list("/") == ["a", "b"])
      survivors.insert(try disk.crash(.strict, seed: seed).list("/"))
    }
    #expect(survivors == [[], ["a"], ["b"], ["a", "b"]])
  }

  @Test func afterAPowerCutNothingWorks() throws {
    var traces: Set<[String]> = []
    for seed in Self.seeds {
      let disk = SimulatedFileSystem(faultPlan: .powerCut(atOperation: 3, seed: seed))
      let file = try disk.openFile("a", .create)
      try file.writeBytes([1], at: 0)
      for _ in 0..<2 {
        #expect(failure { try file.synchronize() }?.isSimulatedPowerCut == true)
        #expect(failure { _ = try disk.list("/") }?.isSimulatedPowerCut == true)
        #expect(failure { try disk.lock("b").release() }?.isSimulatedPowerCut == true)
      }
      #expect(disk.operationCount == 8)
      #expect(try disk.crash(.kill, seed: seed).everything() == ["a": [1]])
      traces.insert(disk.trace)
    }
    #expect(traces.count == 1)
    #expect(
      traces.first?.prefix(3) == [
        "1 create \"a\"", "2 write \"a\" 1 bytes at 0", "3 synchronize \"a\": the simulated power is off",
      ])
  }

  @Test func theOperationAtThePowerCutHappensOrNotOrInPart() throws {
    var contents: Set<[UInt8]> = []
    var names: Set<[String]> = []
    var synchronized: Set<[UInt8]> = []
    for seed in Self.seeds {
      let disk = SimulatedFileSystem(faultPlan: .powerCut(atOperation: 2, seed: seed))
      let file = try disk.openFile("a", .create)
      #expect(failure { try file.writeBytes([1, 2], at: 0) }?.isSimulatedPowerCut == true)
      contents.insert(try #require(try disk.crash(.kill, seed: seed).contents("a")))

      let renaming = SimulatedFileSystem(faultPlan: .powerCut(atOperation: 2, seed: seed))
      _ = try renaming.openFile("a", .create)
      #expect(failure { try renaming.rename("a", to: "b") }?.isSimulatedPowerCut == true)
      names.insert(try renaming.crash(.kill, seed: seed).list("/"))

      let syncing = SimulatedFileSystem()
      try syncing.createDurably("a", [0])
      syncing.setFaultPlan(.powerCut(atOperation: 3, seed: seed))
      let synced = try syncing.openFile("a", .readWrite)
      try synced.writeBytes([1], at: 0)
      #expect(failure { try synced.synchronize() }?.isSimulatedPowerCut == true)
      synchronized.insert(try #require(try syncing.crash(.strict, seed: 0).contents("a")))
    }
    #expect(contents == [[], [1], [1, 2]])
    #expect(names == [["a"], ["b"]])
    #expect(synchronized == [[0], [1]])
  }

  @Test func theTraceKeepsTheLastOperations() throws {
    let disk = SimulatedFileSystem()
    for _ in 0..<1000 { _ = try disk.list("/") }
    _ = failure { _ = try disk.openFile("none", .read) }
    let trace = disk.trace
    #expect(trace.count == SimulatedFileSystem.traceLimit)
    #expect(trace.first == "\(1002 - SimulatedFileSystem.traceLimit) list \"/\"")
    #expect(trace.last?.hasPrefix("1001 open \"none\": inputOutput: cannot open") == true)
  }
}
