public import CairnEngine
public import CairnKV
import Synchronization

/// Runs background work at once, on the thread that submits it, so that a run is the same every time.
///
/// A job submitted while one of its queue runs (by that job, or from another thread) runs after it, on the
/// thread that runs already: there is no recursion.
public final class InlineScheduler: BackgroundScheduler {
  /// A scheduler without threads.
  public init() {}

  /// A queue that runs each job as it is submitted.
  public func makeQueue(label: String) -> any BackgroundQueue {
    InlineQueue()
  }

  /// A pause in which no time passes.
  public func makePause() -> any Pause { InlinePause() }
}

/// Passes no time.
final class InlinePause: Pause {
  func wait(atMostNanoseconds limit: UInt64) -> UInt64 { limit }
  func end() {}
}

final class InlineQueue: BackgroundQueue {
  private struct State {
    var jobs: [@Sendable () -> Void] = []
    /// Whether a submission has taken it upon itself to run what there is until there is nothing.
    var hasRunner = false
    var isStopped = false
  }

  private let state = Mutex(State())

  /// Held while jobs run, so that stopping waits for them. Taken before `state`, and never by a submission
  /// that finds a runner, which may come from a job.
  private let turn = Mutex(())
  private let delayed: DelayedJobs?

  /// - Parameter delayed: takes the jobs that are to wait; `nil`: they are never due.
  init(delayed: DelayedJobs? = nil) {
    self.delayed = delayed
  }

  func submit(_ job: @escaping @Sendable () -> Void) {
    let becomesRunner = state.withLock { state in
      if state.isStopped { return false }
      state.jobs.append(job)
      defer { state.hasRunner = true }
      return !state.hasRunner
    }
    if becomesRunner { runAll() }
  }

  /// No time passes here by itself.
  func submit(afterMilliseconds delay: UInt32, _ job: @escaping @Sendable () -> Void) {
    if state.withLock({ $0.isStopped }) { return }
    delayed?.add(job, to: self, afterMilliseconds: delay)
  }

  func drainAndStop() {
    state.withLock { $0.isStopped = true }
    delayed?.drop(of: self)
    runAll()
  }

  private func runAll() {
    turn.withLock { _ in
      while let job = takeNext() { job() }
    }
  }

  private func takeNext() -> (@Sendable () -> Void)? {
    state.withLock { state in
      if state.jobs.isEmpty {
        state.hasRunner = false
        return nil
      }
      return state.jobs.removeFirst()
    }
  }
}

extension Environment {
  /// A world that `seed` decides: files in memory, a clock that stands still, and background work done at
  /// once.
  public static func simulated(
    _ fileSystem: SimulatedFileSystem, seed: UInt64, time: any TimeSource = SimulatedTime()
  ) -> Environment {
    Environment(
      fileSystem: fileSystem, time: time, random: SeededRandomSource(seed: seed), scheduler: InlineScheduler()
    )
  }
}
