// Where a simulated workload runs: one job after the other, in the order in which they became ready.

import Synchronization

/// Runs tasks one job at a time, first come, first served, so that a run is the same every time.
///
/// There is no thread of its own: whoever makes a job ready while none runs, runs it, and what becomes ready
/// meanwhile. That is the thread that calls ``begin()``, for all that waits for nothing outside the simulation.
final class SerialTaskExecutor: TaskExecutor {
  private struct State {
    var jobs: [UnownedJob] = []
    /// Whether somebody runs what there is until there is nothing. At first nobody does: jobs wait for `begin`.
    var hasRunner = true
  }

  private let state = Mutex(State())

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let becomesRunner = state.withLock { state in
      state.jobs.append(job)
      defer { state.hasRunner = true }
      return !state.hasRunner
    }
    if becomesRunner { runAll() }
  }

  /// Runs what is ready until nothing is.
  func begin() {
    runAll()
  }

  private func runAll() {
    while let job = takeNext() { job.runSynchronously(on: asUnownedTaskExecutor()) }
  }

  private func takeNext() -> UnownedJob? {
    state.withLock { state in
      if state.jobs.isEmpty {
        state.hasRunner = false
        return nil
      }
      return state.jobs.removeFirst()
    }
  }
}
