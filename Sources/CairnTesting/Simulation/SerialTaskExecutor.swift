// Where a simulated workload runs: one job after the other, in an order that a seed decides.

import Synchronization

/// Runs tasks one job at a time. Of those that are ready the seed draws the next, so that a run is the same every time, and
/// another seed finds tasks that meet otherwise.
///
/// There is no thread of its own: whoever makes a job ready while none runs, runs it, and what becomes ready
/// meanwhile. That is the thread that calls ``begin()``, for all that waits for nothing outside the simulation.
package final class SerialTaskExecutor: TaskExecutor {
  private struct State {
    var jobs: [UnownedJob] = []
    var generator: SeededGenerator
    /// Whether somebody runs what there is until there is nothing. At first nobody does: jobs wait for `begin`.
    var hasRunner = true
  }

  private let state: Mutex<State>

  init(seed: UInt64) {
    state = Mutex(State(generator: SeededGenerator(seed: seed)))
  }

  package func enqueue(_ job: consuming ExecutorJob) {
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
      return state.jobs.remove(at: state.generator.below(state.jobs.count))
    }
  }
}

extension SerialTaskExecutor {
  /// Runs something asynchronous so that it is the same every time.
  package static func run<Value: Sendable>(
    seed: UInt64, _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let executor = SerialTaskExecutor(seed: seed)
    let task = Task(executorPreference: executor) { try await body() }
    executor.begin()
    return try await task.value
  }
}
