import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

/// What is told of the disk: that it is nearly full, that it is slow, that others may write to it.
@Suite struct SpaceAndPermissionTests {
  /// Says how much room there is, and lets syncs take time.
  private final class Disk: ForwardingFileSystem {
    let base: any FileSystem = SimulatedFileSystem()
    let freeBytes = Mutex<UInt64>(1 << 40)
    let permissions = Mutex<[String: UInt16]>([:])
    let lookCount = Atomic<Int>(0)

    func space(at path: String) throws(StorageError) -> FileSystemSpace? {
      lookCount.add(1, ordering: .relaxed)
      return FileSystemSpace(freeBytes: freeBytes.withLock { $0 }, totalBytes: 1 << 40)
    }

    func information(at path: String) throws(StorageError) -> FileInformation? {
      var information = try base.information(at: path)
      if let permissions = permissions.withLock({ $0[path] }) { information?.permissions = permissions }
      return information
    }
  }

  private func open(_ disk: Disk, leastFreeBytes: UInt64? = nil) throws -> Engine {
    var options = EngineOptions()
    options.leastFreeBytes = leastFreeBytes
    var environment = Environment.simulated(SimulatedFileSystem(), seed: 1)
    environment.fileSystem = disk
    return try Engine.open(at: "/store", options: options, environment: environment)
  }

  private func code(_ body: () throws -> Void) -> StorageError.Code? {
    do {
      try body()
      return nil
    } catch { return (error as? StorageError)?.code }
  }

  @Test func belowTheMarkOnlyRemovalsAreAccepted() async throws {
    let disk = Disk()
    let engine = try open(disk)
    var events = engine.events.makeAsyncIterator()
    for number in 0..<100 as Range<UInt8> { try await engine.write { try $0.set([number], to: [1]) } }
    // Nearly free, where there is much room.
    #expect(disk.lookCount.load(ordering: .relaxed) <= 2)
    disk.freeBytes.withLock { $0 = 1000 }
    let value = [UInt8](repeating: 1, count: 1 << 20)
    var refused: StorageError.Code?
    for _ in 0..<70 where refused == nil {
      refused = code { try engine.write { try $0.set([200], to: value) } }
    }
    #expect(refused == .full)
    var first: [EngineEvent] = []
    while first.last != .spaceLow(freeBytes: 1000) { first.append(try #require(await events.next())) }
    let commits = engine.statistics().commits
    let logBytes = engine.statistics().logBytes
    #expect(code { try engine.write { try $0.set([1], to: [2]) } } == .full)
    #expect(code { try engine.transact { try $0.set([1], to: [2]) } } == .full)
    #expect(
      code { _ = try engine.ingest(into: .prefix([9])) { try $0.append(key: [9, 9], value: [1]) } } == .full)
    #expect(engine.statistics().logBytes == logBytes)
    // Reads and removals go on.
    #expect(try engine.get([1]) == [1])
    try await engine.write { try $0.remove([1]) }
    try await engine.write { try $0.remove(KeyRange(from: [50], to: [60])) }
    #expect(try engine.get([1]) == nil)
    #expect(engine.statistics().commits == commits + 2)
    try await engine.flush()
    // And once there is room, everything does, without reopening.
    disk.freeBytes.withLock { $0 = 1 << 30 }
    try await engine.write { try $0.set([1], to: [2]) }
    #expect(try engine.get([1]) == [2])
    var told: [EngineEvent] = []
    while told.last != .spaceRegained { told.append(try #require(await events.next())) }
    try await engine.close()
  }

  /// Zeros for the next log are for speed; what is kept free is for what gives space back.
  @Test(arguments: [false, true]) func withLittleRoomNoSpareIsMade(isLow: Bool) throws {
    let disk = Disk()
    let engine = try open(disk)
    try engine.write { try $0.set([1], to: [1]) }
    if isLow { disk.freeBytes.withLock { $0 = 1000 } }
    let value = [UInt8](repeating: 1, count: 1 << 20)
    for _ in 0..<70 where isLow { _ = try? engine.write { try $0.set([200], to: value) } }
    // Onto a log as small as a new store's, without a spare.
    try engine.flush()
    #expect(!engine.tree.logFiles.hasSpare)
    let log = engine.tree.manifest.state.logs.last
    // Each takes a page: more than half a log.
    for _ in 0..<60 where engine.tree.manifest.state.logs.last == log {
      try engine.write { try $0.remove([3]) }
    }
    #expect(engine.tree.logFiles.hasSpare == !isLow)
  }

  @Test func theMarkIsAskedForOrLeftOut() throws {
    let disk = Disk()
    disk.freeBytes.withLock { $0 = 5000 }
    let without = try open(disk, leastFreeBytes: 0)
    try without.write { try $0.set([1], to: [1]) }
    try without.close()
    #expect(disk.lookCount.load(ordering: .relaxed) == 0)
    let small = try open(disk, leastFreeBytes: 4000)
    try small.write { try $0.set([1], to: [1]) }
    try small.close()
    let large = try open(disk, leastFreeBytes: 6000)
    #expect(code { try large.write { try $0.set([1], to: [1]) } } == .full)
    try large.close()
  }

  /// A half of a group may be refused, and the others are committed.
  @Test func nobodyIsRefusedForSomebodyElse() async throws {
    let disk = Disk()
    disk.freeBytes.withLock { $0 = 0 }
    let engine = try open(disk)
    let outcomes = await withTaskGroup(of: Bool.self) { group in
      for number in 0..<40 as Range<UInt8> {
        group.addTask {
          do {
            try await engine.write { batch in
              if number % 2 == 0 { try batch.remove([number]) } else { try batch.set([number], to: []) }
            }
            return number % 2 == 0
          } catch { return number % 2 == 1 && (error as? StorageError)?.code == .full }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(outcomes == Array(repeating: true, count: 40))
    #expect(engine.statistics().commits == 20)
    try await engine.close()
  }

  @Test(
    arguments: [
      (0o700, nil, nil), (0o700, 0o666, nil), (0o722, nil, "/store"), (0o755, 0o620, "/store/MANIFEST"),
      (0o755, 0o644, nil),
    ] as [(UInt16, UInt16?, String?)])
  func aStoreThatOthersMayWriteIsTold(directory: UInt16, manifest: UInt16?, path: String?) async throws {
    let disk = Disk()
    try await open(disk).close()
    disk.permissions.withLock {
      $0["/store"] = directory
      $0["/store/MANIFEST"] = manifest
    }
    let engine = try open(disk)
    for _ in 0..<2 {
      var events = engine.events.makeAsyncIterator()
      if let path { #expect(await events.next() == .writableByOthers(path: path)) }
    }
    try await engine.close()
  }

  /// The simulated clock stands still but for what a sync takes.
  @Test func aSlowSyncIsTold() async throws {
    let events = EventHub()
    let counters = EngineCounters()
    let time = SimulatedTime()
    let latch = FailureLatch(events: events, counters: counters, time: time)
    var told = events.listen(bufferLimit: 8).makeAsyncIterator()
    try latch.synchronize { time.advance(byMicroseconds: 900_000) }
    try latch.synchronize { time.advance(byMicroseconds: 1_100_000) }
    events.finish()
    #expect(await told.next()?.event == .synchronizationSlow(nanoseconds: 1_100_000_000))
    #expect(await told.next() == nil)
    #expect(counters.synchronizations.count == 2)
    #expect(counters.synchronizations.greatestNanoseconds == 1_100_000_000)
  }
}
