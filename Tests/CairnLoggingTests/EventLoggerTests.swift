import CairnKV
import CairnTesting
import Logging
import Testing

@testable import CairnEngine
@testable import CairnLogging

@Suite struct EventLoggerTests {
  private func openStore(_ disk: SimulatedFileSystem = SimulatedFileSystem()) throws -> Engine {
    try Engine.open(at: "/store", environment: .simulated(disk, seed: 1))
  }

  @Test func aFlushIsSeenAndTheClosingEndsTheLog() async throws {
    let engine = try openStore()
    let log = RecordedLog()
    let events = EventLogger(engine.events, logger: log.logger())
    try await engine.write { try $0.set([1], to: [UInt8](repeating: 2, count: 5000)) }
    try await engine.flush()
    let flushes = engine.statistics().flushes
    try await engine.close()
    // Not before: what was buffered is written, and the end is seen.
    await events.run()
    let flushed = try #require(log.entries.first { $0.message == "memtable flushed" })
    #expect(flushed.level == .debug && flushes.count == 1 && flushes.valueFileBytes > 0)
    #expect(flushed.metadata["segmentBytes"] == "\(flushes.segmentBytes)")
    #expect(flushed.metadata["valueFileBytes"] == "\(flushes.valueFileBytes)")
    #expect(log.entries.contains { $0.message == "log begun" })
    // There is nothing more, and nothing to wait for.
    let count = log.entries.count
    await events.run()
    #expect(log.entries.count == count)
  }

  @Test func theLoggersLevelAndMetadataHold() async throws {
    let engine = try openStore()
    let log = RecordedLog()
    var logger = log.logger(level: .warning)
    logger[metadataKey: "store"] = "jobs"
    let events = EventLogger(engine.events, logger: logger)
    try await engine.write { try $0.set([1], to: [2]) }
    try await engine.flush()
    engine.tree.directory.events.emit(.stallBegan(.memory))
    try await engine.close()
    await events.run()
    #expect(log.entries.map(\.message) == ["writers stalled"])
    #expect(log.entries.first?.metadata == ["store": "jobs", "limit": "memory"])
  }

  @Test func aFailedSyncIsCritical() async throws {
    let disk = SimulatedFileSystem()
    let engine = try openStore(disk)
    let log = RecordedLog()
    let events = EventLogger(engine.events, logger: log.logger(level: .error))
    disk.setFaultPlan(FaultPlan([.init(.synchronize, isSticky: true)]))
    await #expect(throws: StorageError.self) { try await engine.write { try $0.set([1], to: [2]) } }
    try? await engine.close()
    await events.run()
    #expect(log.entries.map(\.level) == [.critical])
    #expect(log.entries.first?.message == "writing stopped until the store is opened anew")
    #expect(log.entries.first?.metadata["errorCode"] == "inputOutput")
  }

  /// The store does not wait for a log that is slow; what was lost meanwhile is said first.
  @Test func whatWasMissedIsLogged() async throws {
    let engine = try openStore()
    let log = RecordedLog()
    let events = EventLogger(engine.events, logger: log.logger())
    for number in 0..<EngineEvents.bufferLimit + 7 {
      engine.tree.directory.events.emit(.filesRemoved(.init(count: number, bytes: 0)))
    }
    // Closing may tell something, too.
    let limit = EngineEvents.bufferLimit
    engine.tree.directory.events.finish()
    await events.run()
    #expect(log.entries.count == 1 + limit)
    #expect(log.entries.first?.message == "events missed" && log.entries.first?.level == .warning)
    #expect(log.entries.first?.metadata == ["count": "7"])
    #expect(log.entries.last?.metadata["count"] == "\(limit + 6)")
    try await engine.close()
  }

  @Test func cancellingTheTaskEndsTheLogOfAnOpenStore() async throws {
    let engine = try openStore()
    let log = RecordedLog()
    let events = EventLogger(engine.events, logger: log.logger())
    let task = Task { await events.run() }
    engine.tree.directory.events.emit(.stallBegan(.memory))
    var arrivals = log.arrivals.makeAsyncIterator()
    #expect(await arrivals.next()?.message == "writers stalled")
    task.cancel()
    await task.value
    engine.tree.directory.events.emit(.stallBegan(.memory))
    #expect(log.entries.count == 1)
    #expect(engine.tree.directory.events.count == 0)
    try await engine.close()
  }
}
