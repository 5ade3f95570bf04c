// A workload and its check, and how one case of them is run: life after life, and then the check.

/// What is simulated.
struct Simulation: Sendable {
  typealias Workload = @Sendable (SimulatedWorld) async throws -> Void
  typealias Check = @Sendable (SimulatedWorld, SimulationFacts) async throws -> Void

  let seed: UInt64
  let options: SimulationOptions
  let workload: Workload
  let check: Check

  /// How a case went.
  struct Outcome: Sendable {
    var mishaps: [Mishap]
    var lives: [SimulatedLife] = []
    var failure: SimulationFailure?
  }

  /// Runs a case from its beginning.
  func run(_ mishaps: [Mishap]) async -> Outcome {
    await finish(Outcome(mishaps: mishaps))
  }

  /// Runs the lives of a case that it has not had yet, and the check.
  func finish(_ outcome: Outcome) async -> Outcome {
    var outcome = outcome
    // One life for each mishap, and one in peace: a bound, since only a mishap makes another life.
    while outcome.lives.count <= outcome.mishaps.count {
      let life = await live(outcome)
      outcome.lives.append(life)
      switch life.ending {
      case .struck: continue
      case .completed:
        outcome.failure = await runCheck(outcome)
        return outcome
      case .failed(let error):
        outcome.failure = failure(
          outcome, "life \(outcome.lives.count) of the workload fails: \(error)", error)
        return outcome
      case .endless:
        let limit = options.operationLimit
        outcome.failure = failure(
          outcome, "life \(outcome.lives.count) of the workload goes on after \(limit) operations", nil)
        return outcome
      }
    }
    return outcome
  }

  /// The next life of a case.
  func live(_ outcome: Outcome) async -> SimulatedLife {
    let number = outcome.lives.count
    let mishap = number < outcome.mishaps.count ? outcome.mishaps[number] : nil
    let (fileSystem, time) = beginning(after: outcome)
    return await SimulatedLife.run(
      workload, on: fileSystem, time: time, facts: outcome.lives.last?.aftermath.facts ?? SimulationFacts(),
      mishap: mishap, seed: seed, operationLimit: options.operationLimit)
  }

  /// What is there for the next life. The mishap that ended the last one says what that left.
  private func beginning(after outcome: Outcome) -> (SimulatedFileSystem, SimulatedTime) {
    guard let last = outcome.lives.last else { return Aftermath().restart(.kill, seed: 0, after: 0) }
    let number = outcome.lives.count - 1
    let mishap = number < outcome.mishaps.count ? outcome.mishaps[number] : nil
    return last.aftermath.restart(
      mishap?.model ?? .kill, seed: seed ^ (mishap?.lossSalt ?? 0),
      after: options.restartMicroseconds)
  }

  private func runCheck(_ outcome: Outcome) async -> SimulationFailure? {
    guard let last = outcome.lives.last else { return nil }
    let check = check
    let facts = last.aftermath.facts
    let (fileSystem, time) = last.aftermath.restart(.kill, seed: 0, after: options.restartMicroseconds)
    let life = await SimulatedLife.run(
      { world in try await check(world, facts) }, on: fileSystem, time: time, facts: facts, mishap: nil,
      seed: seed, operationLimit: options.operationLimit)
    var checked = outcome
    checked.lives.append(life)
    switch life.ending {
    case .completed, .struck: return nil
    case .failed(let error): return failure(checked, "the check fails: \(error)", error)
    case .endless:
      return failure(checked, "the check goes on after \(options.operationLimit) operations", nil)
    }
  }

  private func failure(_ outcome: Outcome, _ reason: String, _ cause: (any Error)?) -> SimulationFailure {
    SimulationFailure(
      seed: seed, mishaps: outcome.mishaps, reason: reason, cause: cause,
      traces: outcome.lives.map { $0.trace.suffix(max(0, options.traceLimit)) },
      facts: facts(of: outcome), found: outcome.mishaps)
  }

  /// The facts of the workload's lives; of the check's, which may be the last of them, none.
  private func facts(of outcome: Outcome) -> SimulationFacts {
    let lives = outcome.lives
    if lives.count > 1, case .completed = lives[lives.count - 2].ending {
      return lives[lives.count - 2].aftermath.facts
    }
    return lives.last?.aftermath.facts ?? SimulationFacts()
  }
}
