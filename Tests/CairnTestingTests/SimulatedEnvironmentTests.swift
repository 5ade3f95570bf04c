import CairnEngine
import CairnKV
import CairnTesting
import Synchronization
import Testing

@Suite struct SimulatedEnvironmentTests {
  /// The numbers of the reference implementation (https://prng.di.unimi.it/splitmix64.c) for the seed
  /// 1234567.
  @Test func theGeneratorIsSplitMix64() {
    var generator = SeededGenerator(seed: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      4_593_380_528_125_082_431,
      16_408_922_859_458_223_821,
    ]
    #expect((0..<5).map { _ in generator.next() } == expected)
    let source = SeededRandomSource(seed: 1_234_567)
    #expect((0..<5).map { _ in source.next() } == expected)
  }

  @Test func timeMovesOnlyWhenTold() {
    let time = SimulatedTime(wallMicroseconds: 5, monotonicNanoseconds: 7)
    #expect(time.wallMicroseconds() == 5)
    time.advance(byMicroseconds: 10)
    #expect(time.wallMicroseconds() == 15)
    #expect(time.monotonicNanoseconds() == 10_007)
    time.setWallClock(toMicroseconds: -3)
    #expect(time.wallMicroseconds() == -3)
    #expect(time.monotonicNanoseconds() == 10_007)
    time.restartMachine(monotonicNanoseconds: 1)
    #expect(time.monotonicNanoseconds() == 1)
    #expect(time.wallMicroseconds() == -3)
  }

  @Test func jobsRunAtOnceAndNeverWithinEachOther() {
    let environment = Environment.simulated(SimulatedFileSystem(), seed: 1)
    let queue = environment.scheduler.makeQueue(label: "test")
    let log = Log()
    queue.submit {
      log.add("a begins")
      queue.submit {
        log.add("b")
        queue.submit { log.add("c") }
      }
      log.add("a ends")
    }
    #expect(log.lines == ["a begins", "a ends", "b", "c"])
    queue.submit { log.add("d") }
    #expect(log.lines.last == "d")
    queue.drainAndStop()
    queue.drainAndStop()
    queue.submit { log.add("e") }
    #expect(log.lines.last == "d")
  }

  @Test func stoppingWaitsForJobsOfOtherThreads() async {
    for _ in 0..<100 {
      let queue = InlineScheduler().makeQueue(label: "test")
      let log = Log()
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask { queue.submit { log.add("job") } }
        }
      }
      queue.drainAndStop()
      #expect(log.lines.count == 4)
    }
  }

  @Test func theEnvironmentIsTheSeeds() {
    let first = Environment.simulated(SimulatedFileSystem(), seed: 9)
    let second = Environment.simulated(SimulatedFileSystem(), seed: 9)
    #expect(first.random.next() == second.random.next())
    #expect(first.time.wallMicroseconds() == second.time.wallMicroseconds())
  }
}

/// Lines in the order in which they were added.
private final class Log: Sendable {
  private let list = Mutex<[String]>([])
  var lines: [String] { list.withLock { $0 } }
  func add(_ line: String) { list.withLock { $0.append(line) } }
}
