// Makes a case that fails simpler, as long as it still fails.

/// A search for a simpler case that fails as well.
///
/// Simpler is: fewer mishaps; then earlier ones; then those that lose less. Each step tries the candidates from the
/// simplest on, takes the first that fails, and begins again from there.
struct Shrinking {
  private let simulation: Simulation
  private var failure: SimulationFailure
  private let found: [Mishap]
  private var tried: Set<[Mishap]>
  private var runsLeft: Int

  /// - Parameter passed: Cases that are known to pass.
  init(_ simulation: Simulation, _ failure: SimulationFailure, passed: Set<[Mishap]>) {
    self.simulation = simulation
    self.failure = failure
    found = failure.mishaps
    tried = passed
    runsLeft = simulation.options.shrinkLimit
  }

  /// The simplest case that was found to fail.
  mutating func run() async -> SimulationFailure {
    while let simpler = await step() { failure = simpler }
    failure.found = found
    return failure
  }

  private mutating func step() async -> SimulationFailure? {
    for candidate in Self.candidates(for: failure.mishaps) where !tried.contains(candidate) {
      if runsLeft <= 0 || Task.isCancelled { return nil }
      runsLeft -= 1
      tried.insert(candidate)
      if let failure = await simulation.run(candidate).failure { return failure }
    }
    return nil
  }

  /// Cases that are simpler, from the simplest on.
  static func candidates(for mishaps: [Mishap]) -> [[Mishap]] {
    var result: [[Mishap]] = []
    for index in mishaps.indices {
      var fewer = mishaps
      fewer.remove(at: index)
      result += redrawn(fewer)
    }
    for index in mishaps.indices {
      result += simpler(mishaps[index]).map { mishap in
        var candidate = mishaps
        candidate[index] = mishap
        return candidate
      }
    }
    return result
  }

  /// How many draws of what is lost are tried where the exploration may have tried one.
  private static let draws = 3

  /// A case, and the same with other draws of what is lost last: what was there to be lost was another thing with the
  /// mishap that is gone.
  private static func redrawn(_ mishaps: [Mishap]) -> [[Mishap]] {
    guard case .crash(let at, let moment, let model, _)? = mishaps.last, model != .kill else {
      return [mishaps]
    }
    return [mishaps]
      + (0..<draws).map { mishaps.dropLast() + [.crash(at: at, moment, model, draw: $0)] }.filter {
        $0 != mishaps
      }
  }

  private static func simpler(_ mishap: Mishap) -> [Mishap] {
    switch mishap {
    case .crash(let at, let moment, let model, let draw): simplerCrashes(at, moment, model, draw)
    case .fault(let operation, let occurrence, let isSticky, let cause, let model):
      simplerFaults(operation, occurrence, isSticky, cause, model)
    }
  }

  /// At the same place losing less or more simply; then at earlier places, the earliest first.
  private static func simplerCrashes(
    _ at: Int, _ moment: Mishap.Moment, _ model: CrashModel, _ draw: Int
  ) -> [Mishap] {
    var result: [Mishap] = []
    for other in CrashModel.byLoss where other.rank < model.rank {
      result.append(.crash(at: at, moment, other))
    }
    if draw > 0 { result.append(.crash(at: at, moment, model)) }
    if moment != .before { result.append(.crash(at: at, .before, model)) }
    for earlier in 1..<max(1, at) {
      for moment in [Mishap.Moment.before, moment] {
        result += (0..<(model == .kill ? 1 : draws)).map { .crash(at: earlier, moment, model, draw: $0) }
      }
    }
    return result
  }

  private static func simplerFaults(
    _ operation: FaultPlan.Operation, _ occurrence: Int, _ isSticky: Bool, _ cause: FaultPlan.Cause,
    _ model: CrashModel
  ) -> [Mishap] {
    var result: [Mishap] = []
    for other in CrashModel.byLoss where other.rank < model.rank {
      result.append(.fault(operation, occurrence: occurrence, isSticky: isSticky, cause, then: other))
    }
    if isSticky { result.append(.fault(operation, occurrence: occurrence, cause, then: model)) }
    for earlier in 1..<max(1, occurrence) {
      result.append(.fault(operation, occurrence: earlier, isSticky: isSticky, cause, then: model))
    }
    return result
  }
}

extension CrashModel {
  /// From the one that loses nothing on.
  static let byLoss: [CrashModel] = [.kill, .ordered, .strict]

  /// How much it may lose.
  var rank: Int { Self.byLoss.firstIndex(of: self) ?? 0 }
}
