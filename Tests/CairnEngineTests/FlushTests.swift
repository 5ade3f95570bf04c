import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// What a flush that is asked for promises.
@Suite struct FlushTests {
  private static func open(
    _ fileSystem: any FileSystem, scheduler: any BackgroundScheduler = InlineScheduler()
  ) throws -> Engine {
    var options = EngineOptions()
    options.memoryLimit = 32 << 20
    return try Engine.open(
      at: "/store", options: options,
      environment: Environment(
        fileSystem: fileSystem, time: SimulatedTime(), random: SeededRandomSource(seed: 1),
        scheduler: scheduler))
  }

  /// Incompressible, and less than a memtable of it.
  private static func fill(_ engine: Engine, seed: UInt64 = 1) throws {
    var random = SeededGenerator(seed: seed)
    for number in 0..<30 {
      let value = random.bytes(64 << 10)
      try engine.write(.buffered) { try $0.set([UInt8(number)], to: value) }
    }
  }

  private static func bytesOnDisk(_ disk: SimulatedFileSystem) throws -> UInt64 {
    try disk.list("/store").reduce(0) { try $0 + (disk.information(at: "/store/" + $1)?.size ?? 0) }
  }

  @Test func everythingIsInFilesAndItsLogsAreGone() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    try Self.fill(engine)
    let before = engine.statistics()
    #expect(before.flushes.count == 0 && before.space.logBytes > 1 << 20)
    try engine.flush()
    let after = engine.statistics()
    #expect(after.flushes.count == 1 && after.memory.sealedMemtables == 0)
    #expect(engine.tree.state.active.isEmpty)
    #expect(after.space.logCount == 1 && after.space.logBytes == 256 << 10 && after.space.spareBytes == 0)
    #expect(try Self.bytesOnDisk(disk) < (30 * 64 << 10) + (512 << 10))
    // Durable, although every commit was buffered.
    let survivor = try Self.open(disk.crash(.strict, seed: 1))
    #expect(try survivor.all().count == 30)
    #expect(survivor.tree.state.memtables.allSatisfy { $0.isEmpty })
  }

  @Test func logFilesAreKeptWhereThatIsAskedFor() throws {
    let engine = try Self.open(SimulatedFileSystem())
    try Self.fill(engine)
    try engine.flush(keepingLogFiles: true)
    let space = engine.statistics().space
    #expect(space.logCount == 1 && space.spareBytes + space.logBytes > 1 << 20)
    #expect(engine.tree.state.active.isEmpty && engine.statistics().flushes.count == 1)
    // And are given back by one that does not ask for it, although there is nothing to flush.
    try engine.flush()
    #expect(engine.statistics().space.logBytes == 256 << 10)
    #expect(engine.statistics().space.spareBytes == 0)
    try engine.close()
  }

  @Test func nothingIsDoneTwice() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    try engine.flush()
    try Self.fill(engine)
    try engine.flush()
    let operations = disk.operationCount
    try engine.flush()
    try engine.flush(keepingLogFiles: true)
    #expect(disk.operationCount == operations)
    try engine.close()
    #expect(code { try engine.flush() } == .closed)
  }

  /// Every memtable that was there is waited for, not just any flush; and by tasks as by threads.
  @Test func commitsGoOnMeanwhile() async throws {
    let engine = try Self.open(SimulatedFileSystem(), scheduler: ThreadScheduler())
    let writers = (0..<3).map { writer in
      Task {
        for number in 0..<200 {
          let key = [UInt8(writer), UInt8(number)]
          try await engine.write(.buffered) { try $0.set(key, to: [UInt8](repeating: 1, count: 500)) }
          if number % 40 == writer {
            let last = engine.tree.published
            try await engine.flush(keepingLogFiles: number % 80 == writer)
            #expect(engine.tree.state.version.newestSequence >= last)
          }
        }
      }
    }
    for writer in writers { try await writer.value }
    #expect(try engine.all().count == 600)
    try await engine.flush()
    #expect(engine.tree.state.memtables.allSatisfy { $0.isEmpty })
    try await engine.close()
  }

  /// A disk that is full loses nothing, and the next try succeeds; one that fails is told of.
  @Test func failuresAreThrown() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    try Self.fill(engine)
    disk.setFaultPlan(
      FaultPlan([.init(.write, isSticky: true, cause: .noSpace, pathContaining: ".values")]))
    #expect(code { try engine.flush() } == .full)
    #expect(try engine.all().count == 30)
    disk.setFaultPlan(FaultPlan())
    try engine.flush()
    #expect(engine.tree.state.memtables.allSatisfy { $0.isEmpty })
    try engine.write { try $0.set([200], to: [1]) }
    disk.setFaultPlan(FaultPlan([.init(.synchronize, isSticky: true)]))
    #expect(code { try engine.flush() } != nil)
    #expect(code { try engine.flush() } == .storageFailed)
    #expect(try engine.all().count == 31)
  }
}
