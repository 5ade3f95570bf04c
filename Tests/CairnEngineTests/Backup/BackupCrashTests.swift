// The power goes, or an operation fails, at every operation of a backup and of the one after it.

import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct BackupCrashTests {
  private static let first = 45
  private static let second = 90

  /// So few commits are to make segments and value files all the same.
  private static var options: EngineOptions {
    var options = NumberedCommits.options
    options.memtableBytes = 4096
    return options
  }

  /// A run that tells how far it came.
  private struct Run {
    var written = 0
    var backedUp: Int?
    /// The backup under way, if there is one.
    var isBackingUp = false
    /// The operations of both backups, and those that put a manifest in place.
    var operations: Set<Int> = []
    var installations: Set<Int> = []

    mutating func run(
      on disk: SimulatedFileSystem, _ plan: FaultPlan = FaultPlan(), retrying: Bool = false
    ) throws {
      let engine = try Engine.open(
        at: "/store", options: BackupCrashTests.options, environment: .simulated(disk, seed: 1))
      disk.setFaultPlan(plan)
      for goal in [BackupCrashTests.first, BackupCrashTests.second] {
        while written < goal {
          try NumberedCommits.write(written + 1, to: engine)
          written += 1
        }
        let before = disk.operationCount
        isBackingUp = true
        do throws(StorageError) {
          try engine.backup(to: "/backup")
        } catch {
          guard retrying, error.code != .storageFailed else { throw error }
          try engine.backup(to: "/backup")
        }
        isBackingUp = false
        backedUp = written
        operations.formUnion((before + 1)...disk.operationCount)
        for line in disk.trace where line.contains("rename \"/backup/MANIFEST\"") {
          if let number = line.split(separator: " ").first.flatMap({ Int($0) }) {
            installations.formUnion([number, number + 1, number + 2])
          }
        }
      }
      withExtendedLifetime(engine) {}
    }
  }

  private func count(_ disk: SimulatedFileSystem, at path: String) throws -> Int {
    var options = Self.options
    options.createIfMissing = false
    let engine = try Engine.open(at: path, options: options, environment: .simulated(disk, seed: 50))
    let count = try engine.read { try NumberedCommits.count(in: $0) }
    try engine.close()
    return count
  }

  /// What a crash at `cut` may leave of a backup: none that anybody takes for one, or a whole one, of before or of
  /// after.
  private func check(_ disk: SimulatedFileSystem, _ run: Run, _ comment: String) throws {
    #expect(try count(disk, at: "/store") >= run.written, "\(comment)")
    let atLeast = run.backedUp ?? 0
    do {
      let found = try count(disk, at: "/backup")
      #expect(found >= atLeast && found <= run.written, "\(comment): a backup of \(found), \(run)")
      if !run.isBackingUp { #expect(found == atLeast, "\(comment)") }
    } catch let error as StorageError {
      let isNone = error.code == .invalidArgument || (error.code == .corruption && run.backedUp == nil)
      #expect(isNone && run.backedUp == nil, "\(comment): \(error)")
    }
  }

  /// Each operation under one model in turn.
  @Test func thePowerGoesAtEveryOperation() throws {
    var whole = Run()
    try whole.run(on: SimulatedFileSystem())
    #expect(whole.operations.count > 40 && whole.installations.count == 6)
    let models: [CrashModel] = [.strict, .ordered, .strict, .kill]
    var states = 0
    let opening = openingOperations
    for (index, cut) in whole.operations.sorted().enumerated() {
      // There the most depends on what is durable before what.
      let isInstallation = whole.installations.contains(cut)
      for round in 0..<(isInstallation ? 24 : 1) {
        let model = isInstallation ? .strict : models[(index + round) % models.count]
        let seed = UInt64(1 + round)
        var run = Run()
        let disk = SimulatedFileSystem()
        try? run.run(on: disk, .powerCut(atOperation: cut - opening, seed: seed))
        let comment = "\(model), operation \(cut), seed \(seed)"
        try check(disk.crash(model, seed: seed), run, comment)
        states += 1
        if isInstallation && round > 0 { continue }
        // The next one into the same directory is whole.
        let again = disk.crash(model, seed: seed)
        let engine = try Engine.open(
          at: "/store", options: Self.options, environment: .simulated(again, seed: seed))
        let expected = try engine.read { try NumberedCommits.count(in: $0) }
        try engine.backup(to: "/backup")
        #expect(try count(again.crash(.strict, seed: seed), at: "/backup") == expected, "\(comment)")
      }
    }
    print("backup sweep: \(states) states")
  }

  /// Operations before the plan is set: those of the opening.
  private var openingOperations: Int {
    let disk = SimulatedFileSystem()
    let engine = try? Engine.open(
      at: "/store", options: Self.options, environment: .simulated(disk, seed: 1))
    return withExtendedLifetime(engine) { disk.operationCount }
  }

  /// The manifest is in place, and whether it is durable is not known: neither its files may go nor the earlier one's.
  @Test(arguments: [FaultPlan.Operation.rename, .synchronizeDirectory])
  func theLastStepFails(operation: FaultPlan.Operation) throws {
    for occurrence in 1...4 {
      let disk = SimulatedFileSystem()
      let engine = try Engine.open(
        at: "/store", options: Self.options, environment: .simulated(disk, seed: 1))
      for number in 1...Self.first { try NumberedCommits.write(number, to: engine) }
      try engine.backup(to: "/backup")
      for number in Self.first + 1...Self.second { try NumberedCommits.write(number, to: engine) }
      disk.setFaultPlan(
        FaultPlan([.init(operation, occurrence: occurrence, pathContaining: "/backup")], seed: 3))
      let failure = code { try engine.backup(to: "/backup") }
      #expect(failure == (disk.metFaultCount == 1 ? .inputOutput : nil))
      disk.setFaultPlan(FaultPlan())
      for model in CrashModel.allCases {
        for seed in 1...6 as ClosedRange<UInt64> {
          let found = try count(disk.crash(model, seed: seed), at: "/backup")
          #expect(found == Self.first || found == Self.second, "\(operation) \(occurrence), \(model) \(seed)")
        }
      }
      try engine.backup(to: "/backup")
      #expect(try count(disk.crash(.strict, seed: 1), at: "/backup") == Self.second)
      try engine.close()
    }
  }

  /// A backup that fails is an error and nothing more: the store goes on, and another try succeeds.
  @Test func everyOperationFailsOnce() throws {
    var whole = Run()
    try whole.run(on: SimulatedFileSystem())
    let opening = openingOperations
    let causes: [FaultPlan.Cause] = [.inputOutput, .noSpace, .tooManyOpenFiles]
    for (index, operation) in whole.operations.sorted().enumerated() {
      let cause = causes[index % causes.count]
      var run = Run()
      let disk = SimulatedFileSystem()
      let plan = FaultPlan([.init(nil, occurrence: operation - opening, cause: cause)])
      do {
        try run.run(on: disk, plan, retrying: true)
      } catch let error as StorageError {
        // The store's own log could not be synced.
        #expect(
          [.storageFailed, .outcomeUnknown, .inputOutput].contains(error.code),
          "operation \(operation): \(error)")
      }
      try check(disk.crash(.kill, seed: 1), run, "\(cause), operation \(operation)")
    }
  }
}
