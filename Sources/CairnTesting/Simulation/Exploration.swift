// Which cases of a simulation are run, and in which order: the earliest crash first, so that what is found first is
// nearly the simplest already.

/// Runs the cases of a simulation until one fails or all have passed.
struct Exploration {
  private let simulation: Simulation
  private let options: SimulationOptions
  private var generator: SeededGenerator
  private var report = SimulationReport()
  /// How many places and models are left until a recovery is cut next.
  private var untilRecovery = 0
  private var recoveryInterval = 1
  /// The cases that passed, so that a simpler case is not sought among them.
  private var passed: Set<[Mishap]> = []

  init(_ simulation: Simulation) {
    self.simulation = simulation
    options = simulation.options
    generator = SeededGenerator(seed: simulation.seed)
  }

  /// Explores.
  /// - Throws: The simplest failure that was found.
  mutating func run() async throws -> SimulationReport {
    let whole = try await runWhole()
    let places = Places(of: whole.operations)
    report.operations = whole.operations.count
    report.places = places.all.count
    let chosen = places.sample(options.placeLimit, &generator)
    let expectedStates = chosen.count * max(1, options.models.count)
    recoveryInterval = max(1, expectedStates / max(1, options.recoveryLimit))
    for place in chosen {
      try await cut(at: place)
      report.cutPlaces += 1
    }
    try await fail(whole.operations)
    return report
  }

  /// The workload when nothing befalls it: twice the same, and on the simulated disk.
  private mutating func runWhole() async throws -> SimulatedLife {
    let outcome = await simulation.run([])
    try await judge(outcome)
    guard let whole = outcome.lives.first, !whole.operations.isEmpty else {
      throw failure(
        "the workload makes no operation in its world: it has to open its store there, with `world.open()`")
    }
    let again = await simulation.live(Simulation.Outcome(mishaps: []))
    if let difference = Self.difference(whole, again) {
      throw failure("the workload does not do the same twice: \(difference)")
    }
    return whole
  }

  /// Where two lives differ that should be the same.
  private static func difference(_ first: SimulatedLife, _ second: SimulatedLife) -> String? {
    for (index, pair) in zip(first.operations, second.operations).enumerated() where pair.0 != pair.1 {
      return "operation \(index + 1) is \(text(pair.0)) at first, and \(text(pair.1)) then"
    }
    if first.operations.count != second.operations.count {
      return "it makes \(first.operations.count) operations at first, and \(second.operations.count) then"
    }
    if first.aftermath.fileSystem.contents != second.aftermath.fileSystem.contents {
      return "what it writes differs"
    }
    return nil
  }

  private static func text(_ operation: RecordedOperation) -> String {
    let detail = operation.detail.isEmpty ? "" : " " + operation.detail
    return "\(operation.operation.rawValue) \"\(operation.path)\"\(detail)"
  }

  private func failure(_ reason: String) -> SimulationFailure {
    SimulationFailure(
      seed: simulation.seed, mishaps: [], reason: reason, cause: nil, traces: [], facts: SimulationFacts(),
      found: [])
  }

  // MARK: Crashes

  /// Cuts the workload at one place. One run up to there does for all models: they differ in what is left.
  private mutating func cut(at place: Place) async throws {
    try Task.checkCancellation()
    let first = await simulation.live(
      Simulation.Outcome(mishaps: [.crash(at: place.operation, place.moment, .kill)]))
    let canLose = first.aftermath.fileSystem.unsynchronizedChangeCount > 0
    for model in canLose ? options.models : Array(options.models.prefix(1)) {
      for draw in 0..<(model == .kill || !canLose ? 1 : max(1, options.draws)) {
        let mishap = Mishap.crash(at: place.operation, place.moment, model, draw: draw)
        let outcome = await simulation.finish(Simulation.Outcome(mishaps: [mishap], lives: [first]))
        report.states += 1
        try await judge(outcome)
        try await cutRecovery(outcome)
      }
    }
  }

  /// Cuts a recovery that went well, when it is its turn.
  private mutating func cutRecovery(_ outcome: Simulation.Outcome) async throws {
    guard report.recoveries < options.recoveryLimit, outcome.lives.count > 1 else { return }
    untilRecovery -= 1
    guard untilRecovery <= 0 else { return }
    untilRecovery = recoveryInterval
    guard let place = Places(of: outcome.lives[1].operations).draw(&generator),
      let model = options.models.randomElement(using: &generator)
    else { return }
    let second = Mishap.crash(
      at: place.operation, place.moment, model, draw: generator.below(max(1, options.draws)))
    var deeper = outcome
    deeper.mishaps = Array(outcome.mishaps.prefix(1)) + [second]
    deeper.lives = Array(outcome.lives.prefix(1))
    deeper = await simulation.finish(deeper)
    report.states += 1
    report.recoveries += 1
    try await judge(deeper)
  }

  // MARK: Failures

  /// Lets operations fail, once and for good.
  private mutating func fail(_ operations: [RecordedOperation]) async throws {
    var counts: [FaultPlan.Operation: Int] = [:]
    for operation in operations { counts[operation.operation, default: 0] += 1 }
    var faults: [Mishap] = []
    for cause in options.faults {
      for operation in FaultPlan.Operation.allCases where operation.canFail(with: cause) {
        for occurrence in 1...(counts[operation, default: 0] + 1)
        where occurrence <= counts[operation, default: 0] {
          for isSticky in [false, true] {
            let model = options.models.randomElement(using: &generator) ?? .kill
            faults.append(
              .fault(operation, occurrence: occurrence, isSticky: isSticky, cause, then: model))
          }
        }
      }
    }
    for fault in faults.shuffled(using: &generator).prefix(max(0, options.faultLimit)) {
      try Task.checkCancellation()
      let outcome = await simulation.run([fault])
      report.states += 1
      report.faults += 1
      try await judge(outcome)
    }
  }

  // MARK: Judging

  /// Throws when a case has failed, made as simple as can be.
  private mutating func judge(_ outcome: Simulation.Outcome) async throws {
    guard let failure = outcome.failure else {
      report.checks += 1
      passed.insert(outcome.mishaps)
      return
    }
    var shrinking = Shrinking(simulation, failure, passed: passed)
    throw await shrinking.run()
  }
}
