import CairnKV
import CairnTesting
import CoreMetrics
import Synchronization
import Testing

@testable import CairnEngine
@testable import CairnMetrics

@Suite struct EngineMetricsTests {
  /// Statistics that a test sets.
  private final class Source: Sendable {
    let current = Mutex(EngineStatistics())
    let readCount = Atomic<Int>(0)

    func metrics(_ recorded: RecordedMetrics) -> EngineMetrics {
      let read: @Sendable () -> EngineStatistics = {
        self.readCount.add(1, ordering: .relaxed)
        return self.current.withLock { $0 }
      }
      return EngineMetrics(reading: read, MetricsMaker("cairn.", [], recorded))
    }

    func set(_ statistics: EngineStatistics) { current.withLock { $0 = statistics } }
  }

  private typealias Name = RecordedMetrics.Name

  /// What is to be seen of statistics, worked out without the table that is tested.
  private func expect(_ recorded: RecordedMetrics, toShow statistics: EngineStatistics) {
    let members = StatisticsMembers(of: statistics)
    #expect(members.unknown == [])
    var expected = Dictionary(
      uniqueKeysWithValues: members.numbers.map { (Name("cairn." + $0.key), Int64(clamping: $0.value)) })
    expected[Name("cairn.readAmplification")] = Int64(statistics.readAmplification)
    for (path, histogram) in members.histograms {
      expected[Name("cairn.\(path).count")] = Int64(histogram.count)
      expected[Name("cairn.\(path).nanoseconds")] = Int64(histogram.nanoseconds)
      expected[Name("cairn.\(path).greatestNanoseconds")] = Int64(histogram.greatestNanoseconds)
      for index in histogram.buckets.indices {
        let bound = index == 23 ? "+Inf" : String(1000 << index)
        expected[Name("cairn.\(path).buckets", [("le", bound)])] =
          Int64(histogram.buckets[...index].reduce(0, +))
      }
    }
    for (index, level) in members.levels.enumerated() {
      expected[Name("cairn.levels.segmentCount", [("level", "\(index)")])] = Int64(level.segmentCount)
      expected[Name("cairn.levels.bytes", [("level", "\(index)")])] = Int64(level.bytes)
    }
    let shown = recorded.counters.merging(recorded.meters) { $1 }
    for name in Set(expected.keys).union(shown.keys) {
      #expect(shown[name] == expected[name], "\(name)")
    }
    #expect(recorded.counters.count + recorded.meters.count == shown.count)
    #expect(recorded.faults == [])
  }

  @Test func everyMemberIsPublishedAndFollowed() {
    let recorded = RecordedMetrics()
    let source = Source()
    let metrics = source.metrics(recorded)
    for step in [1, 2, 2, 5, 40] as [UInt64] {
      source.set(.example(step: step))
      metrics.publish()
      expect(recorded, toShow: .example(step: step))
    }
  }

  /// Of a level that were a counter only the greatest would be seen, and of a counter that were a meter no rate could be
  /// made over a reopening.
  @Test func whatGoesDownIsAMeterAndNothingElseIs() {
    let recorded = RecordedMetrics()
    let source = Source()
    let metrics = source.metrics(recorded)
    source.set(.example(step: 1))
    metrics.publish()
    let groups = ["space.", "memory.", "snapshots.", "levels."]
    let single: Set = [
      "cache.capacityBytes", "cache.blockBytes", "cache.openFileBytes", "removals.waitingCount",
      "removals.waitingBytes", "compactionDebtBytes", "readAmplification",
      "synchronizations.greatestNanoseconds", "pacing.greatestNanoseconds",
    ]
    for name in Set(recorded.counters.keys).union(recorded.meters.keys) {
      let path = String(name.label.dropFirst("cairn.".count))
      let goesDown = single.contains(path) || groups.contains { path.hasPrefix($0) }
      #expect((recorded.meters[name] != nil) == goesDown, "\(name)")
      #expect((recorded.counters[name] != nil) != goesDown, "\(name)")
    }
  }

  /// As the cache's hits may, which are counted without synchronization.
  @Test func aNumberThatGoesBackIsNotCountedTwice() {
    let recorded = RecordedMetrics()
    let source = Source()
    let metrics = source.metrics(recorded)
    source.set(.example(step: 9))
    metrics.publish()
    let counters = recorded.counters
    source.set(.example(step: 3))
    metrics.publish()
    #expect(recorded.counters == counters)
    #expect(
      recorded.meters[Name("cairn.space.logBytes")] == Int64(EngineStatistics.example(step: 3).space.logBytes)
    )
    // Followed again beyond what was shown before.
    source.set(.example(step: 10))
    metrics.publish()
    expect(recorded, toShow: .example(step: 10))
  }

  /// A number that no `Int64` holds is no reason to end the process.
  @Test func aNumberThatIsTooLargeIsTheGreatest() {
    let recorded = RecordedMetrics()
    let source = Source()
    let metrics = source.metrics(recorded)
    var statistics = EngineStatistics()
    statistics.commits = .max
    statistics.cache.capacityBytes = .max
    source.set(statistics)
    metrics.publish()
    #expect(recorded.counters[Name("cairn.commits")] == .max)
    #expect(recorded.meters[Name("cairn.cache.capacityBytes")] == .max)
  }

  @Test func aLevelThatIsGoneIsEmpty() {
    let recorded = RecordedMetrics()
    let source = Source()
    let metrics = source.metrics(recorded)
    var statistics = EngineStatistics.example(step: 1)
    source.set(statistics)
    metrics.publish()
    statistics.levels.removeLast()
    source.set(statistics)
    metrics.publish()
    #expect(recorded.meters[Name("cairn.levels.bytes", [("level", "6")])] == 0)
    #expect(
      recorded.meters[Name("cairn.levels.bytes", [("level", "5")])] == Int64(statistics.levels[5].bytes))
  }

  @Test func aStoreIsFollowedUnderItsPrefixAndDimensions() async throws {
    let engine = try await Engine.open(
      at: "/store", environment: .simulated(SimulatedFileSystem(), seed: 1))
    let recorded = RecordedMetrics()
    let metrics = EngineMetrics(engine, prefix: "jobs_", dimensions: [("store", "a")], factory: recorded)
    func counter(_ path: String) -> Int64? { recorded.counters[Name("jobs_" + path, [("store", "a")])] }
    #expect(counter("commits") == 0)
    for round in 1...4 as ClosedRange<UInt64> {
      for number in 0..<50 as Range<UInt8> {
        try await engine.write { try $0.set([number], to: [UInt8](repeating: number, count: 100)) }
      }
      try await engine.flush()
      metrics.publish()
      let statistics = engine.statistics()
      #expect(counter("commits") == Int64(50 * round))
      #expect(counter("logBytes") == Int64(statistics.logBytes))
      #expect(counter("flushes.count") == Int64(round) && statistics.flushes.count == round)
      #expect(counter("synchronizations.count") == Int64(statistics.synchronizations.count))
      let all = recorded.counters[
        Name("jobs_synchronizations.buckets", [("store", "a"), ("le", "+Inf")])]
      #expect(all == counter("synchronizations.count"))
      let level = recorded.meters[Name("jobs_levels.segmentCount", [("store", "a"), ("level", "0")])]
      #expect(level == Int64(statistics.levels[0].segmentCount))
    }
    try await engine.close()
    // A closed store is published as it was last.
    metrics.publish()
    #expect(counter("commits") == 200)
    #expect(recorded.faults == [])
  }

  /// What one process does with a store that it opens several times adds up, under one name.
  @Test func countersGoOnOverReopenings() async throws {
    let disk = SimulatedFileSystem()
    let backend = Shared()
    for round in 1...3 {
      let engine = try await Engine.open(at: "/store", environment: .simulated(disk, seed: 1))
      let metrics = EngineMetrics(engine, factory: backend)
      try await engine.write { try $0.set([1], to: [2]) }
      try await engine.close()
      metrics.publish()
      #expect(backend.commits.load(ordering: .relaxed) == round)
    }
  }

  /// A backend that keeps a counter when it is asked for it again, as they do.
  private final class Shared: MetricsFactory, CounterHandler {
    let commits = Atomic<Int>(0)

    func increment(by amount: Int64) { commits.add(Int(amount), ordering: .relaxed) }
    func reset() { commits.store(0, ordering: .relaxed) }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
      if label == "cairn.commits" { return self }
      return NOOPMetricsHandler.instance
    }
    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
      NOOPMetricsHandler.instance
    }
    func makeFloatingPointCounter(label: String, dimensions: [(String, String)])
      -> any FloatingPointCounterHandler
    { NOOPMetricsHandler.instance }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
      NOOPMetricsHandler.instance
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
      NOOPMetricsHandler.instance
    }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
  }

  @Test func itIsPublishedAtOnceAfterEveryIntervalAndAtTheEnd() async throws {
    let recorded = RecordedMetrics()
    let source = Source()
    let metrics = source.metrics(recorded)
    let clock = ManualClock()
    func commits() -> Int64? { recorded.counters[Name("cairn.commits")] }
    source.set(.example(step: 1))
    let task = Task { try await metrics.run(every: .seconds(10), clock: clock) }
    var sleeps = clock.sleeps.makeAsyncIterator()
    #expect(await sleeps.next()?.offset == .seconds(10))
    #expect(commits() == 1001)
    source.set(.example(step: 2))
    clock.advance(by: .seconds(9))
    #expect(commits() == 1001)
    clock.advance(by: .seconds(1))
    #expect(await sleeps.next()?.offset == .seconds(20))
    #expect(commits() == 2002)
    source.set(.example(step: 3))
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(commits() == 3003)
    #expect(source.readCount.load(ordering: .relaxed) == 3)
    #expect(recorded.faults == [])
  }

  @Test(arguments: [Duration.zero, .seconds(-1)])
  func anIntervalThatNeverPassesIsRefused(interval: Duration) async {
    let source = Source()
    let metrics = source.metrics(RecordedMetrics())
    await #expect {
      try await metrics.run(every: interval, clock: ManualClock())
    } throws: { ($0 as? StorageError)?.code == .invalidArgument }
    #expect(source.readCount.load(ordering: .relaxed) == 0)
  }
}
