/// Crash-tests a workload of your own: runs it in a simulated world, stops the machine at every place, starts the
/// workload again on what is left until it completes, and checks what came of it.
///
///     try await simulate(seed: 7) { world in
///       let store = try await world.open()
///       … what your agent does, from its start to its end …
///     } check: { world, facts in
///       let store = try await world.open()
///       try world.expect(…, "what is wrong")
///     }
///
/// First the workload runs undisturbed, twice, to see that it does the same both times. Then, for each place at which a
/// machine can stop (before each operation that changes something, within each that has parts, after the last) and for
/// each model of what the disk loses, it runs anew up to there, and again on what is left. Some of these recoveries are
/// cut short as well, and operations fail with input/output errors or for want of space. Whatever befell it, in the end the
/// check must pass. The first case that fails is made simpler (fewer mishaps, earlier, losing less) and thrown.
///
/// The seed decides everything that is not enumerated. For that the workload has to be the same in every run:
/// - It touches files, time, randomness and the outside only through its world, and keeps nothing in variables
///   that outlive it: what is to survive a crash is in the store, or among the facts.
/// - Its tasks run one job at a time in an order that never changes, child tasks and actors included. An unstructured
///   `Task` does not, nor does what waits for real time, a thread, or another global actor.
/// - It does not depend on the order of a `Set` or `Dictionary`, which differs from process to process.
///
/// Lives are bounded in their operations, and the task of one that is over is cancelled. What goes on all the same, because
/// it swallows every error and never looks at whether it is cancelled, cannot be stopped.
/// - Parameters:
///   - seed: Decides which losses, places and failures are drawn.
///   - options: How much is explored.
///   - mishaps: One case, to run it alone: what a failure's ``SimulationFailure/reproduction`` says. `nil` explores.
///   - workload: Your agent, from its start until it has nothing left to do. What it throws when nothing has befallen it
///     is a failure.
///   - check: What must hold once it has completed; fails by throwing (``SimulatedWorld/expect(_:_:)``), for an `#expect`
///     is not heard of here. It runs in a world of its own, on the same disk, hundreds of times.
/// - Returns: What was explored.
/// - Throws: ``SimulationFailure``, whose description has the call that runs the case again; `CancellationError`.
@concurrent
@discardableResult
public func simulate(
  seed: UInt64, options: SimulationOptions = SimulationOptions(), mishaps: [Mishap]? = nil,
  workload: @escaping @Sendable (SimulatedWorld) async throws -> Void,
  check: @escaping @Sendable (SimulatedWorld, SimulationFacts) async throws -> Void
) async throws -> SimulationReport {
  let simulation = Simulation(seed: seed, options: options, workload: workload, check: check)
  guard let mishaps else {
    var exploration = Exploration(simulation)
    return try await exploration.run()
  }
  let outcome = await simulation.run(mishaps)
  if let failure = outcome.failure { throw failure }
  return SimulationReport(
    operations: outcome.lives.first?.operations.count ?? 0, states: mishaps.count, checks: 1)
}
