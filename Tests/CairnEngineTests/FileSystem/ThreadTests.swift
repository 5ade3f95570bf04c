import CairnKV
import Synchronization
import Testing

@testable import CairnEngine

@Suite struct ThreadTests {
  @Test func jobsRunInOrderAndDrainingWaits() {
    let queue = ThreadScheduler().makeQueue(label: "cairn-test-with-a-long-name")
    let recorder = Recorder()
    for number in 0..<1000 { queue.submit { recorder.add(number) } }
    queue.drainAndStop()
    #expect(recorder.numbers == Array(0..<1000))
    queue.drainAndStop()
    queue.submit { recorder.add(-1) }
    queue.drainAndStop()
    #expect(recorder.numbers.count == 1000)
  }

  @Test func drainingFromSeveralThreadsWaitsInEach() async {
    for _ in 0..<50 {
      let queue = ThreadScheduler().makeQueue(label: "drain")
      let recorder = Recorder()
      for number in 0..<20 { queue.submit { recorder.add(number) } }
      await withTaskGroup(of: Int.self) { group in
        for _ in 0..<3 {
          group.addTask {
            queue.drainAndStop()
            return recorder.numbers.count
          }
        }
        for await count in group { #expect(count == 20) }
      }
    }
  }

  @Test func aJobMaySubmitAnother() {
    let queue = ThreadScheduler().makeQueue(label: "nested")
    let recorder = Recorder()
    let second = ThreadParker()
    queue.submit {
      recorder.add(1)
      queue.submit {
        recorder.add(2)
        second.unpark()
      }
    }
    second.park()
    queue.drainAndStop()
    #expect(recorder.numbers == [1, 2])
  }

  @Test func aDelayedJobRunsAfterItsTimeOrNotAtAll() {
    let queue = ThreadScheduler().makeQueue(label: "delayed")
    let recorder = Recorder()
    let done = ThreadParker()
    let first = ThreadParker()
    queue.submit {
      recorder.add(1)
      first.unpark()
    }
    first.park()
    let start = ContinuousClock.now
    queue.submit(afterMilliseconds: 30) {
      recorder.add(2)
      done.unpark()
    }
    queue.submit(afterMilliseconds: .max) { recorder.add(3) }
    done.park()
    #expect(ContinuousClock.now - start >= .milliseconds(30))
    queue.drainAndStop()
    #expect(recorder.numbers == [1, 2])
  }

  @Test func waitingForATokenHasAnEnd() {
    let parker = ThreadParker()
    parker.park(atMostNanoseconds: 1_000_000)
    parker.unpark()
    parker.park()
  }

  @Test func aQueueMayGoInItsOwnJob() {
    let done = ThreadParker()
    var queue: (any BackgroundQueue)? = ThreadScheduler().makeQueue(label: "own")
    queue?.submit { [queue] in
      _ = queue
      done.unpark()
    }
    queue = nil
    done.park()
  }

  @Test func aTokenLeftBeforeIsTakenAtOnceAndOnlyOnce() {
    let parker = ThreadParker()
    parker.unpark()
    parker.unpark()
    parker.park()
    let queue = ThreadScheduler().makeQueue(label: "unpark")
    let flag = Recorder()
    queue.submit {
      flag.add(1)
      parker.unpark()
    }
    // Two tokens left one behind the other are one: this waits for the queue's.
    parker.park()
    #expect(flag.numbers == [1])
    queue.drainAndStop()
  }

  @Test func parkersHandAValueBackAndForth() {
    let ping = ThreadParker()
    let pong = ThreadParker()
    let queue = ThreadScheduler().makeQueue(label: "pong")
    let box = Recorder()
    queue.submit {
      for number in 0..<20_000 {
        ping.park()
        box.add(number * 2 + 1)
        pong.unpark()
      }
    }
    for number in 0..<20_000 {
      box.add(number * 2)
      ping.unpark()
      pong.park()
    }
    queue.drainAndStop()
    #expect(box.numbers == Array(0..<40_000))
  }

  @Test func clocksAndRandomnessMove() {
    let environment = Environment.system
    let start = environment.time.monotonicNanoseconds()
    #expect(start > 0)
    #expect(environment.time.monotonicNanoseconds() >= start)
    // 2020-01-01, and 2200.
    #expect(environment.time.wallMicroseconds() > 1_577_836_800_000_000)
    #expect(environment.time.wallMicroseconds() < 7_258_118_400_000_000)
    #expect(Set((0..<100).map { _ in environment.random.next() }).count == 100)
  }
}

/// Numbers in the order in which they were added.
private final class Recorder: Sendable {
  private let list = Mutex<[Int]>([])
  var numbers: [Int] { list.withLock { $0 } }
  func add(_ number: Int) { list.withLock { $0.append(number) } }
}
