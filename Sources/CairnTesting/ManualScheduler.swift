public import CairnEngine
import Synchronization

/// Runs background work at once, as ``InlineScheduler`` does; what is to wait waits until a test lets the time pass.
///
///     let time = SimulatedTime()
///     let scheduler = ManualScheduler(time: time)
///     // … an engine that is left alone …
///     scheduler.advance(byMilliseconds: 60_000)  // what it does in a quiet minute is done
public final class ManualScheduler: BackgroundScheduler {
  private let delayed = DelayedJobs()
  private let time: SimulatedTime?

  /// A scheduler without threads.
  /// - Parameter time: A clock that moves along.
  public init(time: SimulatedTime? = nil) {
    self.time = time
  }

  public func makeQueue(label: String) -> any BackgroundQueue { InlineQueue(delayed: delayed) }

  public func makePause() -> any Pause { InlinePause() }

  /// How many jobs wait for their time.
  public var waitingCount: Int { delayed.count }

  /// Lets time pass, and runs what becomes due meanwhile, in the order in which it does.
  public func advance(byMilliseconds milliseconds: UInt32) {
    delayed.advance(byMilliseconds: milliseconds) { passed in
      time?.advance(byMicroseconds: UInt32(clamping: UInt64(passed) * 1000))
    }
  }
}

/// Jobs that wait for their time, and what time it is.
final class DelayedJobs: Sendable {
  private struct Job {
    var due: UInt64
    var queue: InlineQueue
    var work: @Sendable () -> Void
  }

  private struct State {
    var milliseconds: UInt64 = 0
    /// In the order in which they came.
    var jobs: [Job] = []
  }

  private let state = Mutex(State())

  var count: Int { state.withLock { $0.jobs.count } }

  func add(_ work: @escaping @Sendable () -> Void, to queue: InlineQueue, afterMilliseconds delay: UInt32) {
    state.withLock { state in
      state.jobs.append(Job(due: state.milliseconds + UInt64(delay), queue: queue, work: work))
    }
  }

  func drop(of queue: InlineQueue) {
    let dropped = state.withLock { state in
      let dropped = state.jobs.filter { $0.queue === queue }
      state.jobs.removeAll { $0.queue === queue }
      return dropped
    }
    withExtendedLifetime(dropped) {}
  }

  func advance(byMilliseconds milliseconds: UInt32, _ passing: (UInt64) -> Void) {
    let end = state.withLock { $0.milliseconds } + UInt64(milliseconds)
    while let (job, passed) = takeNext(until: end) {
      passing(passed)
      job.queue.submit(job.work)
    }
    let rest = state.withLock { state in
      defer { state.milliseconds = end }
      return end - state.milliseconds
    }
    passing(rest)
  }

  /// Moves to the job that is due first.
  private func takeNext(until end: UInt64) -> (Job, UInt64)? {
    state.withLock { state in
      let first = state.jobs.indices.min { state.jobs[$0].due < state.jobs[$1].due }
      guard let first, state.jobs[first].due <= end else { return nil }
      let job = state.jobs.remove(at: first)
      let passed = job.due - min(job.due, state.milliseconds)
      state.milliseconds = max(state.milliseconds, job.due)
      return (job, passed)
    }
  }
}
