import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

/// Pauses that take no time and are added up. One of them may end the work.
private final class CountedPause: Pause {
  let waited = Mutex<[UInt64]>([])
  private let cancelling: (after: Int, control: VerificationControl)?

  init(cancelling: (after: Int, control: VerificationControl)?) {
    self.cancelling = cancelling
  }

  func wait(atMostNanoseconds limit: UInt64) -> UInt64 {
    let count = waited.withLock {
      $0.append(limit)
      return $0.count
    }
    if let cancelling, count == cancelling.after { cancelling.control.cancel() }
    return limit
  }

  func end() {}
}

private struct PausingScheduler: BackgroundScheduler {
  let base = InlineScheduler()
  let pause: CountedPause

  func makeQueue(label: String) -> any BackgroundQueue { base.makeQueue(label: label) }
  func makePause() -> any Pause { pause }
}

@Suite struct ScrubTests {
  /// A store of several segments and value files.
  private static func engine(_ disk: SimulatedFileSystem, _ pause: CountedPause) throws -> Engine {
    var environment = Environment.simulated(disk, seed: 1)
    environment.scheduler = PausingScheduler(pause: pause)
    return try Engine.open(at: HandmadeStore.path, options: HandmadeStore.options, environment: environment)
  }

  private static func options(_ bytesPerSecond: UInt64) -> ScrubOptions {
    var options = ScrubOptions()
    options.bytesPerSecond = bytesPerSecond
    options.depth = .everything
    return options
  }

  @Test func thePaceIsKept() throws {
    let pause = CountedPause(cancelling: nil)
    let engine = try Self.engine(HandmadeStore().disk(), pause)
    let result = try engine.scrub(Self.options(1000))
    #expect(result.next == nil)
    #expect(result.report.isSound && result.report.isComplete)
    let waited = pause.waited.withLock { $0.reduce(0, +) }
    let due = result.report.bytesRead * 1_000_000
    #expect(waited <= due && due - waited <= 20_000_000, "\(waited) of \(due)")
    try engine.close()
  }

  @Test func aCancelledScrubGoesOnWhereItEnded() throws {
    let whole = try Self.engine(HandmadeStore().disk(), CountedPause(cancelling: nil)).scrub(
      Self.options(1000))
    for after in [1, 12, 17, 20, 25] {
      let control = VerificationControl()
      let pause = CountedPause(cancelling: (after, control))
      let disk = try HandmadeStore().disk()
      let engine = try Self.engine(disk, pause)
      let first = try engine.scrub(Self.options(1000), control: control)
      guard let next = first.next else { continue }
      #expect(!first.report.isComplete)
      let second = try engine.scrub(Self.options(1000), from: next)
      #expect(second.next == nil)
      for (check, count) in whole.report.examined {
        let together = (first.report.examined[check] ?? 0) + (second.report.examined[check] ?? 0)
        #expect(together >= count, "\(check) after \(after) pauses")
      }
      try engine.close()
    }
  }

  @Test func damageIsAnEvent() async throws {
    var files = try HandmadeStore().allFiles()
    files["00000003.segment"]?[8] ^= 1
    let engine = try Self.engine(HandmadeStore.disk(files), CountedPause(cancelling: nil))
    let events = engine.events
    let result = try await engine.scrub(Self.options(1 << 30))
    #expect(result.report.violations.map(\.check) == [.blockChecksum])
    try await engine.close()
    var found: [VerificationViolation] = []
    for await event in events {
      if case .corruptionFound(let violation) = event { found.append(violation) }
    }
    #expect(found == result.report.violations)
  }
}

/// Verification of a store that is in use.
@Suite struct OnlineVerificationTests {
  @Test func whileItIsWritten() throws {
    let disk = SimulatedFileSystem()
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 32 << 10
    options.segmentBytes = 16 << 10
    let engine = try Engine.open(at: "/store", options: options, environment: .threaded(disk))
    let isDone = Atomic<Bool>(false)
    let complaints = Shared<String>()
    onThreads(2) { thread in
      do {
        if thread == 1 {
          repeat {
            let report = try engine.verify(.everything) as VerificationReport
            for violation in report.violations { complaints.add("\(violation)") }
          } while !isDone.load(ordering: .acquiring)
        } else {
          defer { isDone.store(true, ordering: .releasing) }
          var random = SeededGenerator(seed: 4)
          for step in 0..<600 {
            try engine.write(step % 5 == 0 ? .durable : .buffered) { batch in
              let key = [UInt8(random.below(200))]
              if random.below(20) == 0 { try batch.remove(KeyRange(from: key, to: [key[0] &+ 9])) }
              try batch.set(key, to: [UInt8](repeating: 7, count: random.below(4000)))
            }
          }
        }
      } catch { complaints.add("\(error)") }
    }
    #expect(complaints.all == [])
    try engine.close()
    let report = try Engine.verify(at: "/store", environment: .simulated(disk, seed: 1))
    #expect(report.violations == [])
  }

  @Test func theCacheIsNotFilled() throws {
    let disk = try HandmadeStore().disk()
    let engine = try Engine.open(
      at: HandmadeStore.path, options: HandmadeStore.options, environment: .simulated(disk, seed: 1))
    let before = engine.accountedBytes
    #expect(try engine.verify(.everything).isSound)
    #expect(engine.accountedBytes == before)
    try engine.close()
    #expect(code { _ = try engine.verify(.structure) as VerificationReport } == .closed)
  }

  @Test func cancelling() throws {
    let disk = try HandmadeStore().disk()
    let engine = try Engine.open(
      at: HandmadeStore.path, options: HandmadeStore.options, environment: .simulated(disk, seed: 1))
    let control = VerificationControl()
    control.cancel()
    let report = try engine.verify(.everything, control: control) as VerificationReport
    #expect(!report.isComplete)
    #expect(report.examined[.blockEntries] == nil)
    try engine.close()
  }
}
