import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

/// After a while without commits a seal vouches for the newest frame, so that damage to it is found.
@Suite struct IdleSealTests {
  /// Keeps what is to be done later until the test says that later is now.
  private final class LaterScheduler: BackgroundScheduler {
    let later = Mutex<[@Sendable () -> Void]>([])

    func makeQueue(label: String) -> any BackgroundQueue { Queue(self) }

    func runLater() {
      let jobs = later.withLock { jobs in
        defer { jobs = [] }
        return jobs
      }
      for job in jobs { job() }
    }

    private final class Queue: BackgroundQueue {
      private let scheduler: LaterScheduler
      init(_ scheduler: LaterScheduler) { self.scheduler = scheduler }
      func submit(_ job: @escaping @Sendable () -> Void) { job() }
      func submit(afterMilliseconds delay: UInt32, _ job: @escaping @Sendable () -> Void) {
        scheduler.later.withLock { $0.append(job) }
      }
      func drainAndStop() {}
    }
  }

  @Test func damageToTheNewestCommitIsFoundOnceTheStoreWasIdle() throws {
    let fileSystem = SimulatedFileSystem()
    let scheduler = LaterScheduler()
    var environment = Environment.simulated(fileSystem, seed: 1)
    environment.scheduler = scheduler
    let engine = try Engine.open(at: "/store", environment: environment)
    try engine.write { try $0.set([1], to: [1]) }
    #expect(try reopensWithoutNewestCommit(fileSystem.crash(.kill, seed: 1)))

    // A commit since the last look: not idle yet.
    try engine.write { try $0.set([2], to: [2]) }
    scheduler.runLater()
    #expect(try reopensWithoutNewestCommit(fileSystem.crash(.kill, seed: 1)))

    scheduler.runLater()
    let damaged = fileSystem.crash(.kill, seed: 1)
    let error = #expect(throws: StorageError.self) { try reopensWithoutNewestCommit(damaged) }
    #expect(error?.code == .corruption)
    // Idle and vouched for: after one more look, whether it stays that way, nobody looks before there is another
    // commit.
    scheduler.runLater()
    #expect(scheduler.later.withLock { $0.isEmpty })
    try engine.close()
  }

  /// Flips a bit in the newest commit group of a killed store, and opens it.
  private func reopensWithoutNewestCommit(_ fileSystem: SimulatedFileSystem) throws -> Bool {
    let directory = StoreDirectory(path: "/store", fileSystem: fileSystem)
    let log = try #require(try Manifest.load(from: directory)?.logs.last)
    let file = try directory.open(.log(log), .readWrite)
    let reader = try FrameReader(file, purpose: .log)
    var newest: UInt64?
    while let frame = try reader.next() {
      if frame.header.kind == .group { newest = frame.header.offset }
    }
    let offset = try #require(newest) + UInt64(FrameHeader.bytes)
    try [UInt8]([0xFF]).withUnsafeBytes { try file.write($0, at: offset) }
    let engine = try Engine.open(at: "/store", environment: .simulated(fileSystem, seed: 2))
    let count = try engine.read { try $0.entries(in: .all).count }
    let expected = newest == UInt64(FrameFile.pageBytes) ? 0 : 1
    try engine.close()
    return count == expected
  }
}
