import Foundation
import Synchronization

/// Threads that begin together and work until they are told to stop.
enum ThreadTeam {
  /// What one of them has to know.
  final class Signal: Sendable {
    private let stopped = Atomic<Bool>(false)
    private let ready = DispatchSemaphore(value: 0)
    private let start = DispatchSemaphore(value: 0)

    /// Says that the preparations are done, and waits for the others'.
    func begin() {
      ready.signal()
      start.wait()
    }

    /// Looked at before each operation.
    var isOver: Bool { stopped.load(ordering: .relaxed) }

    fileprivate func startAll(_ count: Int) -> ContinuousClock.Instant {
      for _ in 0..<count { ready.wait() }
      let now = ContinuousClock.now
      for _ in 0..<count { start.signal() }
      return now
    }

    fileprivate func stop() { stopped.store(true, ordering: .relaxed) }
    /// Nobody has to wait for a thread that failed while it prepared.
    fileprivate func giveUp() { ready.signal() }
  }

  /// What they have done.
  struct Work {
    var operations: [Int]
    var seconds: Double

    var rate: Double { Double(operations.reduce(0, +)) / seconds }
    func rate(ofThread thread: Int) -> Double { Double(operations[thread]) / seconds }
  }

  private final class Outcomes: Sendable {
    private let all: Mutex<[Result<Int, any Error>]>

    init(_ count: Int) { all = Mutex(Array(repeating: .success(0), count: count)) }

    func set(_ thread: Int, _ outcome: Result<Int, any Error>) { all.withLock { $0[thread] = outcome } }
    func operations() throws -> [Int] { try all.withLock { try $0.map { try $0.get() } } }
  }

  /// Runs `body` on `count` threads. It prepares, calls `begin()`, works until `isOver`, and returns how often it has
  /// done what is counted; it may return earlier. The time goes from the common beginning to the end of the last
  /// operation.
  static func run(
    _ count: Int, seconds: Double, _ body: @escaping @Sendable (Int, Signal) throws -> Int
  ) throws -> Work {
    let signal = Signal()
    let outcomes = Outcomes(count)
    let group = DispatchGroup()
    for number in 0..<count {
      group.enter()
      let thread = Thread {
        let outcome = Result { try body(number, signal) }
        if case .failure = outcome { signal.giveUp() }
        outcomes.set(number, outcome)
        group.leave()
      }
      thread.stackSize = 1 << 20
      thread.start()
    }
    let start = signal.startAll(count)
    _ = group.wait(timeout: .now() + seconds)
    signal.stop()
    group.wait()
    let elapsed = (ContinuousClock.now - start) / .seconds(1)
    return Work(operations: try outcomes.operations(), seconds: elapsed)
  }
}
