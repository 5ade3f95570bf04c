import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct EventTests {
  private func options(memtableBytes: Int = 64 << 10) -> EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = memtableBytes
    options.segmentBytes = 32 << 10
    return options
  }

  private func openStore(_ disk: SimulatedFileSystem) throws -> Engine {
    try Engine.open(at: "/store", options: options(), environment: .simulated(disk, seed: 1))
  }

  private func fill(_ engine: Engine, commits: Int) throws {
    for index in 0..<commits {
      try engine.write { batch in
        try batch.set(Array("key-\(index % 97)".utf8), to: [UInt8](repeating: UInt8(index % 251), count: 900))
        if index % 5 == 0 { try batch.set([1, UInt8(index % 251)], to: [UInt8](repeating: 7, count: 5000)) }
      }
    }
  }

  @Test func whatHappensIsToldAndCounted() async throws {
    let disk = SimulatedFileSystem()
    let engine = try openStore(disk)
    var events = engine.events.makeAsyncIterator()
    var told = EngineStatistics()
    var logs = 0
    // Little at a time, so that nothing is missed.
    for _ in 0..<20 {
      try fill(engine, commits: 50)
      let marker = UInt64.max
      engine.tree.directory.events.emit(.missed(count: marker))
      while let event = await events.next(), event != .missed(count: marker) {
        switch event {
        case .flushFinished(let flush):
          told.flushes.count += 1
          told.flushes.segmentBytes += flush.segmentBytes
          told.flushes.valueFileBytes += flush.valueFileBytes
          #expect(flush.memtableBytes > 0)
        case .compactionFinished(let compaction):
          told.compactions.count += 1
          told.compactions.writtenBytes += compaction.outputBytes
          #expect(compaction.inputSegments > 0)
        case .valuesRewritten(let rewriting):
          told.rewritings.count += 1
          told.rewritings.writtenBytes += rewriting.outputBytes
          #expect(rewriting.inputFiles > 0)
        case .filesRemoved(let files): told.removals.bytes += files.bytes
        case .logBegun: logs += 1
        case .coveredFilesDropped: break
        default: Issue.record("\(event)")
        }
      }
    }
    let counted = engine.statistics()
    #expect(told.flushes.count > 10 && told.compactions.count > 2 && logs >= told.flushes.count)
    #expect(counted.flushes == told.flushes)
    #expect(counted.compactions.count == told.compactions.count)
    #expect(counted.compactions.writtenBytes == told.compactions.writtenBytes)
    #expect(counted.rewritings.count == told.rewritings.count)
    #expect(counted.removals.bytes == told.removals.bytes)
    #expect(counted.commits == 1000 && counted.groups == 1000)
    #expect(counted.userBytes > 1000 * 900 && counted.logBytes > counted.userBytes)
    #expect(counted.synchronizations.count >= 1000)
    #expect(counted.stalls.count == 0 && counted.pacing.count == 0)
    try await engine.close()
    #expect(await events.next() == nil)
  }

  /// What the store says that it takes is what its directory takes.
  @Test func theSpaceIsWhatTheFilesTake() throws {
    let disk = SimulatedFileSystem()
    let engine = try Engine.open(at: "/store", options: options(), environment: .simulated(disk, seed: 1))
    try fill(engine, commits: 500)
    let space = engine.statistics().space
    func total(_ ending: String) throws -> UInt64 {
      try disk.list("/store").filter { $0.hasSuffix(ending) }.reduce(0) {
        try $0 + (disk.information(at: "/store/" + $1)?.size ?? 0)
      }
    }
    #expect(try space.segmentBytes == total(".segment"))
    #expect(try space.valueFileBytes == total(".values"))
    #expect(try space.logBytes == total(".log"))
    #expect(try space.spareBytes == total(".spare"))
    #expect(space.liveValueBytes > 0 && space.liveValueBytes <= space.valueFileBytes)
    let levels = engine.statistics().levels
    #expect(levels.reduce(0) { $0 + $1.bytes } == space.segmentBytes)
    #expect(levels.reduce(0) { $0 + $1.segmentCount } == space.segmentCount)
    try engine.close()
  }

  @Test func whoDoesNotKeepUpLosesTheOldestAndIsTold() async {
    let hub = EventHub()
    var slow = EngineEvents(hub).makeAsyncIterator()
    let extra = 1000
    for index in 0..<EngineEvents.bufferLimit + extra {
      hub.emit(.filesRemoved(.init(count: index, bytes: 0)))
    }
    #expect(await slow.next() == .missed(count: UInt64(extra)))
    for index in extra..<EngineEvents.bufferLimit + extra {
      #expect(await slow.next() == .filesRemoved(.init(count: index, bytes: 0)))
    }
    hub.emit(.stallBegan(.memory))
    #expect(await slow.next() == .stallBegan(.memory))
    hub.finish()
    #expect(await slow.next() == nil)
    // Whoever comes too late hears nothing, and does not wait for it.
    var late = EngineEvents(hub).makeAsyncIterator()
    #expect(await late.next() == nil)
  }

  @Test func everyListenerHearsEverythingUntilItIsLetGo() async {
    let hub = EventHub()
    #expect(hub.count == 0)
    var first = EngineEvents(hub).makeAsyncIterator()
    do {
      var second = EngineEvents(hub).makeAsyncIterator()
      #expect(hub.count == 2)
      hub.emit(.stallBegan(.levelZero))
      #expect(await second.next() == .stallBegan(.levelZero))
    }
    #expect(await first.next() == .stallBegan(.levelZero))
    #expect(hub.count == 1)
  }

  /// Nobody listens: then an event is not even made.
  @Test func anEventThatNobodyHearsIsNotMade() {
    let hub = EventHub()
    var isMade = false
    func make() -> EngineEvent {
      isMade = true
      return .stallBegan(.memory)
    }
    hub.emit(make())
    #expect(!isMade)
  }

  @Test func aSyncThatFailsIsTold() async throws {
    let disk = SimulatedFileSystem()
    let engine = try openStore(disk)
    var events = engine.events.makeAsyncIterator()
    disk.setFaultPlan(FaultPlan([.init(.synchronize, isSticky: true)]))
    #expect(throws: StorageError.self) { try fill(engine, commits: 1) }
    guard case .writingStopped(let cause) = await events.next() else {
      Issue.record("not told")
      return
    }
    #expect(cause.code == .inputOutput)
  }

  @Test(arguments: [(0, 0), (999, 0), (1000, 1), (1999, 1), (2000, 2), (4_000_000, 12), (.max, 23)])
  func latenciesAreCountedByTheirLength(nanoseconds: UInt64, bucket: Int) {
    var histogram = LatencyHistogram()
    #expect(histogram.bound(ofShare: 0.5) == 0)
    #expect(LatencyHistogram.bucket(of: nanoseconds) == bucket)
    histogram.add(nanoseconds)
    #expect(histogram.buckets[bucket] == 1 && histogram.count == 1)
    #expect(histogram.bound(ofShare: 0.99) == nanoseconds)
    for _ in 0..<200 { histogram.add(5_500) }
    #expect(histogram.bound(ofShare: 0.5) == min(8_000, max(nanoseconds, 5_500)))
    #expect(histogram.bound(ofShare: 1) >= nanoseconds)
  }
}
