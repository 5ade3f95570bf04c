// Writers that the background work does not keep up with: slowed down, and stopped where memory would run out.

import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

@Suite struct StallTests {
  /// Files on which a flush waits until it is let go, and takes as long as it is told to.
  private final class HeldFlushes: ForwardingFileSystem {
    let base: any FileSystem = SimulatedFileSystem()
    private let time: SimulatedTime
    private let isHeld = Atomic<Bool>(false)
    private let gate = ThreadParker()

    init(_ time: SimulatedTime) { self.time = time }

    func hold() { isHeld.store(true, ordering: .sequentiallyConsistent) }

    func letGo() {
      isHeld.store(false, ordering: .sequentiallyConsistent)
      gate.unpark()
    }

    func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
      if mode == .create, path.hasSuffix(".segment") {
        time.advance(byMicroseconds: 10_000)
        while isHeld.load(ordering: .sequentiallyConsistent) { gate.park() }
      }
      return try base.openFile(path, mode)
    }
  }

  /// Real threads, but pauses in which only the simulated time passes.
  private final class Scheduler: BackgroundScheduler {
    private let threads = ThreadScheduler()
    private let time: SimulatedTime
    init(_ time: SimulatedTime) { self.time = time }
    func makeQueue(label: String) -> any BackgroundQueue { threads.makeQueue(label: label) }
    func makePause() -> any CairnEngine.Pause { Pause(time) }

    private final class Pause: CairnEngine.Pause {
      private let time: SimulatedTime
      init(_ time: SimulatedTime) { self.time = time }
      func wait(atMostNanoseconds limit: UInt64) -> UInt64 {
        time.advance(byMicroseconds: UInt32(clamping: limit / 1000))
        return limit
      }
      func end() {}
    }
  }

  private struct Store {
    let files: HeldFlushes
    let engine: Engine

    init() throws {
      let time = SimulatedTime()
      files = HeldFlushes(time)
      var options = EngineOptions()
      options.memoryLimit = 16 << 20
      options.memtableBytes = 1 << 20
      options.valueThreshold = 1 << 20
      engine = try Engine.open(
        at: "/store", options: options,
        environment: Environment(
          fileSystem: files, time: time, random: SeededRandomSource(seed: 1), scheduler: Scheduler(time)))
    }

    /// Writes so many times 32 KiB.
    func write(_ count: Int) throws {
      for index in 0..<count {
        try engine.write(.buffered) {
          try $0.set([UInt8(index % 50)], to: .init(repeating: 1, count: 32 << 10))
        }
      }
    }

    /// Writes until a memtable is sealed, and waits for its flush.
    func measureFlush(_ events: inout EngineEvents.Iterator) async throws {
      let before = engine.statistics().flushes.count
      while engine.statistics().flushes.count == before && engine.tree.state.sealed.isEmpty { try write(1) }
      while let event = await events.next() { if case .flushFinished = event { return } }
    }
  }

  @Test func aStallIsToldFromItsBeginningToItsEnd() async throws {
    let store = try Store()
    var events = store.engine.events.makeAsyncIterator()
    store.files.hold()
    let writer = ThreadScheduler().makeQueue(label: "writer")
    let failure = Shared<any Error>()
    writer.submit { do { try store.write(150) } catch { failure.add(error) } }
    var began = false
    while !began, let event = await events.next() {
      if case .stallBegan(let reason) = event {
        #expect(reason == .memory)
        began = true
      }
    }
    let stalled = store.engine.statistics()
    #expect(stalled.stalls.count == 1)
    #expect(stalled.memory.sealedMemtables == BackgroundWork.greatestSealedMemtables)
    store.files.letGo()
    var ended = false
    while !ended, let event = await events.next() {
      if case .stallEnded(let reason, _) = event {
        #expect(reason == .memory)
        ended = true
      }
    }
    #expect(ended)
    writer.drainAndStop()
    #expect(failure.all.isEmpty)
    try await store.engine.close()
  }

  /// While one memtable waits for its flush, the next fills ever more slowly; nobody waits once it is flushed.
  @Test func writersAreSlowedDownBeforeTheyAreStopped() async throws {
    let store = try Store()
    var events = store.engine.events.makeAsyncIterator()
    try await store.measureFlush(&events)
    #expect(store.engine.statistics().pacing.count == 0)
    store.files.hold()
    while store.engine.tree.state.sealed.isEmpty { try store.write(1) }
    try store.write(20)
    // A commit of 32 KiB takes little more than that in memory: with these, none was sealed that waits as well.
    #expect(store.engine.tree.state.sealed.count == 1)
    let pressed = store.engine.statistics()
    #expect(pressed.pacing.count > 0)
    #expect(pressed.pacing.greatestNanoseconds <= WritePacer.greatestDelayNanoseconds)
    #expect(pressed.pacing.buckets.reduce(0, +) == pressed.pacing.count)
    #expect(pressed.stalls.count == 0)
    store.files.letGo()
    while let event = await events.next() { if case .flushFinished = event { break } }
    try store.write(5)
    #expect(store.engine.statistics().pacing == pressed.pacing)
    try await store.engine.close()
  }

  @Test func pressureOfMemoryAndDepth() throws {
    let gauge = PressureGauge(greatestSealedMemtables: 2, greatestLevelZeroSegments: 24)
    var change = TreeChange()
    change.memtableBytes = 1 << 20
    gauge.note(change, by: .flush, nanoseconds: 10_000_000)
    func pressure(sealed: Int, fill: Double) -> Double {
      let state = ReadState(
        active: Memtable(oldestLog: 0), sealed: (0..<sealed).map { Memtable(oldestLog: UInt64($0)) },
        version: Version(levels: Array(repeating: [], count: VersionEdit.levelCount)),
        emptyRanges: EmptyRanges())
      return gauge.loads(state, fill: fill).map(\.pressure).max() ?? 0
    }
    #expect(pressure(sealed: 0, fill: 1) == 0)
    #expect(pressure(sealed: 1, fill: 0) == 0)
    #expect(pressure(sealed: 1, fill: 0.5) == 0.25)
    #expect(pressure(sealed: 2, fill: 0) == 0.5)
    #expect(pressure(sealed: 2, fill: 1) == 1)
    var debt = PressureGauge.Debt()
    debt.levelOneBytes = 64 << 20
    debt.compactionBytes = 512 << 20
    #expect(debt.compactionPressure == 0)
    debt.compactionBytes = 2048 << 20
    #expect(debt.compactionPressure == 1)
    debt.liveValueBytes = 1 << 30
    debt.deadValueBytes = 1 << 30
    #expect(debt.valuePressure == 0)
    debt.deadValueBytes = 4 << 30
    #expect(debt.valuePressure == 1)
  }
}
