import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

@Suite struct FileReclaimerTests {
  private let disk = SimulatedFileSystem()
  /// The machine has been up for longer than a burst takes to save up.
  private let time = SimulatedTime(monotonicNanoseconds: 100_000_000_000)
  private let scheduler: ManualScheduler
  private let directory: StoreDirectory
  private let queue: any BackgroundQueue
  private let reclaimer: FileReclaimer

  init() {
    scheduler = ManualScheduler(time: time)
    directory = StoreDirectory(path: "/", fileSystem: disk)
    queue = scheduler.makeQueue(label: "files")
    var limits = FileReclaimer.Limits()
    limits.burstBytes = 300
    limits.bytesPerSecond = 100
    reclaimer = FileReclaimer(directory: directory, queue: queue, time: time, limits: limits)
  }

  private func make(_ count: Int) throws {
    for number in 1...UInt64(count) {
      try directory.open(.segment(number), .create).writeBytes([UInt8](repeating: 1, count: 100), at: 0)
    }
  }

  private func remaining() throws -> Int { try directory.entries().count }

  @Test func afterTheBurstOneFileASecond() throws {
    try make(10)
    for number in 1...10 as ClosedRange<UInt64> {
      // Some lengths are known, and some are looked up.
      reclaimer.reclaim(.segment(number), bytes: number % 2 == 0 ? 100 : nil)
    }
    // Three make up the burst, and what is over when the fourth begins is its own.
    #expect(try remaining() == 6)
    for second in 1...6 {
      scheduler.advance(byMilliseconds: 999)
      #expect(try remaining() == 6 - second + 1)
      scheduler.advance(byMilliseconds: 1)
      #expect(try remaining() == 6 - second)
    }
    #expect(reclaimer.waiting == (0, 0))
    #expect(directory.counters.removedBytes.load(ordering: .relaxed) == 1000)
    #expect(!disk.trace.contains { $0.contains("truncate") })
    // What was not used in quiet times is there for the next burst, but no more than that.
    scheduler.advance(byMilliseconds: 60_000)
    try make(10)
    for number in 1...10 as ClosedRange<UInt64> { reclaimer.reclaim(.segment(number), bytes: 100) }
    #expect(try remaining() == 6)
  }

  @Test func closingRemovesTheRestWithoutWaiting() throws {
    try make(50)
    for number in 1...50 as ClosedRange<UInt64> { reclaimer.reclaim(.segment(number), bytes: 100) }
    #expect(reclaimer.waiting == (46, 4600))
    reclaimer.finish()
    #expect(try remaining() == 0)
    #expect(reclaimer.waiting == (0, 0))
  }

  /// A disk on which a removal takes its time, and then a clock that shows it.
  private final class SlowDisk: ForwardingFileSystem {
    let base: any FileSystem
    private let time: SimulatedTime
    init(_ base: any FileSystem, _ time: SimulatedTime) {
      self.base = base
      self.time = time
    }
    func remove(_ path: String) throws(StorageError) {
      time.advance(byMicroseconds: 400_000)
      try base.remove(path)
    }
  }

  @Test func closingDoesNotTakeForEver() throws {
    try make(50)
    let slow = StoreDirectory(path: "/", fileSystem: SlowDisk(disk, time))
    let reclaimer = FileReclaimer(
      directory: slow, queue: InlineScheduler().makeQueue(label: ""), time: time,
      limits: .init(burstBytes: 0, bytesPerSecond: 1))
    for number in 1...50 as ClosedRange<UInt64> { reclaimer.reclaim(.segment(number), bytes: 100) }
    reclaimer.finish()
    // One at once, and then for a second.
    #expect(try remaining() == 46)
  }

  @Test func aRemovalThatFailsIsTriedAgain() async throws {
    try make(3)
    var events = EngineEvents(directory.events).makeAsyncIterator()
    disk.setFaultPlan(
      FaultPlan([
        .init(.remove, pathContaining: "00000002"), .init(.remove, occurrence: 2, pathContaining: "00000002"),
      ]))
    for number in 1...3 as ClosedRange<UInt64> { reclaimer.reclaim(.segment(number), bytes: 10) }
    #expect(try directory.entries() == [.segment(2)])
    scheduler.advance(byMilliseconds: 1000)
    #expect(try directory.entries() == [.segment(2)])
    scheduler.advance(byMilliseconds: 1000)
    #expect(try directory.entries() == [])
    var failures = 0
    directory.events.finish()
    while let event = await events.next() {
      guard case .removalFailed(let removal) = event else { continue }
      #expect(removal.file == "00000002.segment" && removal.isRetried)
      failures += 1
    }
    #expect(failures == 2)
    #expect(scheduler.waitingCount == 0)
  }

  @Test func aRemovalThatAlwaysFailsIsGivenUp() async throws {
    try make(1)
    var events = EngineEvents(directory.events).makeAsyncIterator()
    disk.setFaultPlan(FaultPlan([.init(.remove, isSticky: true)]))
    reclaimer.reclaim(.segment(1), bytes: 10)
    scheduler.advance(byMilliseconds: 60_000)
    #expect(reclaimer.waiting == (0, 0) && scheduler.waitingCount == 0)
    directory.events.finish()
    var retried: [Bool] = []
    while let event = await events.next() {
      if case .removalFailed(let removal) = event { retried.append(removal.isRetried) }
    }
    #expect(retried == [true, true, true, true, false])
  }

  /// The next opening finds what was given up, and what a crash has left, and removes it while it is in use.
  @Test func theNextOpeningRemovesWhatIsLeft() throws {
    let engine = try Engine.open(at: "/store", environment: .simulated(disk, seed: 1))
    try engine.close()
    for number in 100...103 as ClosedRange<UInt64> {
      _ = try disk.openFile("/store/00000\(number).segment", .create)
    }
    disk.setFaultPlan(FaultPlan([.init(.remove, pathContaining: "102")]))
    let environment = Environment(
      fileSystem: disk, time: time, random: SeededRandomSource(seed: 2), scheduler: scheduler)
    let again = try Engine.open(at: "/store", environment: environment)
    #expect(try disk.list("/store").filter { $0.hasSuffix(".segment") } == ["00000102.segment"])
    scheduler.advance(byMilliseconds: 1000)
    #expect(try disk.list("/store").filter { $0.hasSuffix(".segment") } == [])
    try again.close()
  }
}
