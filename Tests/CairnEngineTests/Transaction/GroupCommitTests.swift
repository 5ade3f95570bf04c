import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

@Suite struct GroupCommitTests {
  private let disk = SimulatedFileSystem()
  private let files: GatedFileSystem

  init() { files = GatedFileSystem(disk) }

  private func open() throws -> Engine { try Engine.open(at: "/store", environment: .threaded(files)) }

  /// Runs work on a thread of its own.
  private func begin(_ body: @escaping @Sendable () -> Void) -> any BackgroundQueue {
    let queue = ThreadScheduler().makeQueue(label: "test-begin")
    queue.submit(body)
    return queue
  }

  @Test func threadsShareASync() throws {
    let engine = try open()
    let gate = files.closeGate()
    let before = files.syncCount
    let failures = Shared<String>()
    let everyone = Arrivals(64)
    let positions = Shared<UInt64>()
    let first = begin {
      gate.waitForArrival()
      // While the first one syncs, all the others come.
      everyone.wait()
      gate.open()
    }
    onThreads(64) { thread in
      do {
        let position = try engine.write { batch in
          try batch.set([UInt8(thread)], to: [1])
          everyone.arrive()
        }.position
        positions.add(position?.rawValue ?? 0)
      } catch { failures.add("\(error)") }
    }
    first.drainAndStop()
    #expect(failures.all == [])
    #expect(Set(positions.all).count == 64)
    #expect(try engine.all().count == 64)
    #expect(files.syncCount - before <= 32)
    try engine.close()
    #expect(try open().all().count == 64)
  }

  @Test func tasksShareASyncAndNeverRunOne() async throws {
    let engine = try await Engine.open(at: "/store", environment: .threaded(files))
    let gate = files.closeGate()
    let before = files.syncCount
    let everyone = Arrivals(500)
    let opener = begin {
      gate.waitForArrival()
      everyone.wait()
      gate.open()
    }
    await CallerMarker.$isCaller.withValue(true) {
      await withTaskGroup(of: Void.self) { group in
        for number in 0..<500 as Range<UInt16> {
          group.addTask {
            do {
              let key = [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)]
              if number % 2 == 0 {
                try await engine.write { batch in
                  try batch.set(key, to: [1])
                  everyone.arrive()
                }
              } else {
                try await engine.transact { tx in
                  everyone.arrive()
                  if try tx.get(key) == nil { try tx.set(key, to: [2]) }
                }
              }
            } catch { Issue.record(error) }
          }
        }
      }
    }
    opener.drainAndStop()
    #expect(try engine.all().count == 500)
    #expect(files.syncCount - before <= 100)
    #expect(files.callerSyncCount == 0)
    try await engine.close()

    // The detector sees what it looks for: the blocking form does sync where it is called.
    try CallerMarker.$isCaller.withValue(true) {
      let engine = try open()
      try engine.write { try $0.remove(.all) }
      try engine.close()
    }
    #expect(files.callerSyncCount > 0)
  }

  @Test func nothingIsSeenBeforeItIsDurable() throws {
    let engine = try open()
    try engine.write { try $0.set([1], to: [1]) }
    let snapshot = try engine.snapshot()
    let gate = files.closeGate()
    let writer = begin {
      do { try engine.write { try $0.set([1], to: [2]) } } catch { Issue.record(error) }
    }
    gate.waitForArrival()
    #expect(try engine.get([1]) == [1])
    #expect(try engine.all() == [KeyValue(key: [1], value: [1])])
    #expect(try engine.transact { try $0.get([1]) }.value == [1])
    #expect(try engine.snapshot().get([1]) == [1])
    gate.open()
    writer.drainAndStop()
    #expect(try engine.get([1]) == [2])
    #expect(try snapshot.get([1]) == [1])
  }

  /// A transaction that comes while the sync is under way must not be validated against what readers see:
  /// the write that it misses is already decided.
  @Test func whatIsUnderWayConflicts() throws {
    let engine = try open()
    try engine.write { try $0.set([1], to: [1]) }
    let gate = files.closeGate()
    let writer = begin {
      do { try engine.write { try $0.set([1], to: [2]) } } catch { Issue.record(error) }
    }
    gate.waitForArrival()
    let runs = Atomic<Int>(0)
    let follower = begin {
      do {
        try engine.transact { tx in
          let seen = try tx.get([1]) ?? []
          try tx.set([2], to: seen)
          // Only now may the first one end: this run has read the old value.
          if runs.add(1, ordering: .relaxed).newValue == 1 { gate.open() }
        }
      } catch { Issue.record(error) }
    }
    follower.drainAndStop()
    writer.drainAndStop()
    #expect(runs.load(ordering: .relaxed) == 2)
    #expect(try engine.get([2]) == [2])
  }

  @Test func afterAFailedSyncReadersKeepWhatIsDurable() throws {
    let engine = try open()
    try engine.write { try $0.set([1], to: [1]) }
    disk.setFaultPlan(FaultPlan([.init(.synchronize)], seed: 1))
    let syncs = files.syncCount
    #expect(code { try engine.write { try $0.set([1], to: [2]) } } == .outcomeUnknown)
    #expect(files.syncCount == syncs + 1)
    #expect(try engine.get([1]) == [1])
    #expect(code { try engine.write { try $0.set([3], to: [3]) } } == .storageFailed)
    #expect(code { try engine.transact { try $0.set([3], to: [3]) } } == .storageFailed)
    #expect(try engine.all() == [KeyValue(key: [1], value: [1])])
    #expect(try engine.transact { try $0.get([1]) }.value == [1])
    #expect(code { try engine.close() } == .storageFailed)
    // The disk was well again at once; the sync was not tried a second time.
    #expect(files.syncCount == syncs + 1)
    #expect(try open().get([1])?.isEmpty == false)
  }

  @Test(arguments: [1, 20, 90]) func closingWhileCommitsAreUnderWayLosesNone(count: Int) async throws {
    let engine = try await Engine.open(at: "/store", environment: .threaded(files))
    let acknowledged = Shared<[UInt8]>()
    let failures = Shared<String>()
    let total = Atomic<Int>(0)
    let enough = ThreadParker()
    let threads = (0..<4).map { thread in
      begin {
        for number in 0..<10_000 {
          let key = [UInt8(thread), UInt8(number >> 8), UInt8(truncatingIfNeeded: number)]
          do {
            try engine.write(number % 2 == 0 ? .durable : .buffered) { try $0.set(key, to: key) }
            acknowledged.add(key)
            if total.add(1, ordering: .relaxed).newValue == count { enough.unpark() }
          } catch {
            if (error as? StorageError)?.code != .closed { failures.add("\(error)") }
            return
          }
        }
      }
    }
    let tasks = Task {
      for number in 0..<10_000 {
        let key = [9, UInt8(number >> 8), UInt8(truncatingIfNeeded: number)]
        do {
          try await engine.write { try $0.set(key, to: key) }
          acknowledged.add(key)
        } catch {
          if (error as? StorageError)?.code != .closed { failures.add("\(error)") }
          return
        }
      }
    }
    let closer = begin {
      enough.park()
      do { try engine.close() } catch { failures.add("\(error)") }
    }
    await tasks.value
    for queue in threads + [closer] { queue.drainAndStop() }
    #expect(failures.all == [])
    let survivor = disk.crash(.strict, seed: 1)
    let after = try await Engine.open(at: "/store", environment: .threaded(survivor))
    let found = Set(try after.all().map(\.key))
    #expect(Set(acknowledged.all).subtracting(found).isEmpty)
  }

  /// A group holds 4 MiB, so that a leader's own commit may come only after several groups.
  @Test func commitsTooLargeToShareAGroupAllComeThrough() throws {
    let engine = try Engine.open(at: "/store", environment: .threaded(files))
    let failures = Shared<String>()
    onThreads(6) { thread in
      for number in 0..<4 {
        let value = [UInt8](repeating: UInt8(thread * 16 + number), count: 3 << 20)
        do { try engine.write { try $0.set([UInt8(thread)], to: value) } } catch { failures.add("\(error)") }
      }
    }
    #expect(failures.all == [])
    for thread in 0..<6 as Range<UInt8> {
      let isThere = try engine.get([thread]) == [UInt8](repeating: thread * 16 + 3, count: 3 << 20)
      #expect(isThere)
    }
    try engine.close()
  }

  /// A full disk keeps no one from closing: what was committed, buffered or not, gets its sync.
  @Test func aStoreThatIsFullClosesCleanly() throws {
    var options = EngineOptions()
    options.memtableBytes = 4096
    let engine = try Engine.open(at: "/store", options: options, environment: .threaded(files))
    disk.setFaultPlan(FaultPlan([.init(.create, isSticky: true, cause: .noSpace)]))
    var committed = 0
    while committed < 1000,
      code({
        try engine.write(.buffered) {
          try $0.set([1], to: [UInt8](repeating: UInt8(committed % 100), count: 1000))
        }
      }) == nil
    {
      committed += 1
    }
    #expect(committed > 0 && committed < 1000)
    try engine.close()
    let survivor = disk.crash(.strict, seed: 1)
    let after = try Engine.open(at: "/store", environment: .threaded(survivor))
    #expect(try after.get([1])?.first == UInt8((committed - 1) % 100))
  }

  @Test func anEngineThatGoesEndsItsThreads() throws {
    let scheduler = CountingScheduler()
    var environment = Environment.threaded(disk)
    environment.scheduler = scheduler
    var engine: Engine? = try Engine.open(at: "/store", environment: environment)
    try engine?.write { try $0.set([1], to: [1]) }
    #expect(scheduler.running.load(ordering: .relaxed) > 0)
    engine = nil
    #expect(scheduler.running.load(ordering: .relaxed) == 0)
    // And it has let go of the lock, its log ended.
    #expect(try Engine.open(at: "/store", environment: .threaded(disk)).get([1]) == [1])
  }
}

/// Waits until so many have come by.
private final class Arrivals: Sendable {
  private let missing: Atomic<Int>
  private let parker = ThreadParker()

  init(_ count: Int) { missing = Atomic(count) }

  func arrive() {
    if missing.subtract(1, ordering: .relaxed).newValue == 0 { parker.unpark() }
  }

  func wait() { parker.park() }
}

/// Counts the queues that were made and not yet ended.
private final class CountingScheduler: BackgroundScheduler {
  let running = Atomic<Int>(0)

  func makeQueue(label: String) -> any BackgroundQueue {
    running.add(1, ordering: .relaxed)
    return Queue(ThreadScheduler().makeQueue(label: label), self)
  }

  private final class Queue: BackgroundQueue {
    private let base: any BackgroundQueue
    private let owner: CountingScheduler
    private let hasEnded = Atomic<Bool>(false)

    init(_ base: any BackgroundQueue, _ owner: CountingScheduler) {
      self.base = base
      self.owner = owner
    }

    func submit(_ job: @escaping @Sendable () -> Void) { base.submit(job) }
    func submit(afterMilliseconds delay: UInt32, _ job: @escaping @Sendable () -> Void) {
      base.submit(afterMilliseconds: delay, job)
    }

    func drainAndStop() {
      base.drainAndStop()
      if !hasEnded.exchange(true, ordering: .relaxed) { owner.running.subtract(1, ordering: .relaxed) }
    }
  }
}
