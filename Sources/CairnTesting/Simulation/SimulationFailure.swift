/// What a simulation has found: a case in which a workload or its check fails, as simple as could be made.
public struct SimulationFailure: Error, CustomStringConvertible {
  /// The seed of the simulation.
  public var seed: UInt64
  /// What befell the workload. Together with the seed it is the whole case.
  public var mishaps: [Mishap]
  /// What is wrong, for people.
  public var reason: String
  /// The error that the workload or the check threw, if one did.
  public var cause: (any Error)?
  /// For each life of the workload, and the check after it, the last operations, oldest first.
  public var traces: [[String]]
  /// What had happened outside.
  public var facts: SimulationFacts
  /// The case that failed first, before it was made simpler.
  public var found: [Mishap]

  /// The call that runs this case alone, but for its closures.
  public var reproduction: String {
    "simulate(seed: \(seed), mishaps: [\(mishaps.map(\.description).joined(separator: ", "))])"
  }

  /// All of it: what is wrong, the call that runs it again, and what happened last.
  public var description: String {
    var lines = [reason, "run this case alone: \(reproduction)"]
    if found != mishaps { lines.append("found as: [\(found.map(\.description).joined(separator: ", "))]") }
    for (index, trace) in traces.enumerated() where !trace.isEmpty {
      let isCheck = index == facts.lives
      lines.append(isCheck ? "the check, last operations:" : "life \(index + 1), last operations:")
      lines += trace.map { "  " + $0 }
    }
    return lines.joined(separator: "\n")
  }
}
