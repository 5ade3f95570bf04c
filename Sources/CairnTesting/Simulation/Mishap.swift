// What befalls a workload: the moment at which it is cut short, and what that leaves.

/// What ends one life of a simulated workload.
///
/// A case of a simulation is a list of these: the first life meets the first, the life that begins on what is left of
/// it meets the second, and after the last one the workload is left in peace.
public enum Mishap: Sendable, Hashable {
  /// How far the operation comes at which the machine stops.
  public typealias Moment = FaultPlan.Moment

  /// The process or the machine dies at an operation.
  /// - Parameters:
  ///   - at: Which operation of that life, from 1 on, as the trace numbers them.
  ///   - moment: How far that operation comes.
  ///   - model: What the disk loses: nothing with `.kill`, since the machine goes on.
  ///   - draw: Which of the losses that the model allows; every number is another.
  case crash(at: Int, Moment, CrashModel, draw: Int = 0)

  /// An operation fails, and whatever the workload makes of that, its process ends afterwards.
  /// - Parameters:
  ///   - operation: The operations that count.
  ///   - occurrence: Which of them fails, from 1 on.
  ///   - isSticky: Whether all later ones fail too, until the process ends.
  ///   - cause: What it fails with.
  ///   - then: What the disk loses when the process ends.
  case fault(
    FaultPlan.Operation, occurrence: Int, isSticky: Bool = false, FaultPlan.Cause = .inputOutput,
    then: CrashModel = .kill)

  /// What the disk may lose.
  var model: CrashModel {
    switch self {
    case .crash(_, _, let model, _): model
    case .fault(_, _, _, _, let model): model
    }
  }

  /// The plan under which a life meets it, and which ends a life that makes more operations than `limit`.
  func plan(limit: Int, seed: UInt64) -> FaultPlan {
    switch self {
    case .crash(let at, let moment, _, _):
      FaultPlan(powerCutAtOperation: min(at, limit), powerCutMoment: moment, seed: seed)
    case .fault(let operation, let occurrence, let isSticky, let cause, _):
      FaultPlan(
        [.init(operation, occurrence: occurrence, isSticky: isSticky, cause: cause)],
        powerCutAtOperation: limit, powerCutMoment: .before, seed: seed)
    }
  }

  /// What decides, besides the simulation's seed, how far an operation comes. Whatever the model, it is the same: one
  /// life up to a crash does for all models.
  var strikeSalt: UInt64 {
    switch self {
    case .crash(let at, let moment, _, _): Self.salt("crash \(at) \(moment)")
    case .fault(let operation, let occurrence, let isSticky, let cause, _):
      Self.salt("fault \(operation) \(occurrence) \(isSticky) \(cause)")
    }
  }

  /// What decides, besides the simulation's seed, what is lost.
  var lossSalt: UInt64 { Self.salt(description) }

  /// The same for the same text in every process (FNV-1a).
  private static func salt(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}

extension Mishap: CustomStringConvertible {
  /// The mishap as it is written in a program.
  public var description: String {
    switch self {
    case .crash(let at, let moment, let model, let draw):
      ".crash(at: \(at), .\(moment), .\(model)\(draw == 0 ? "" : ", draw: \(draw)"))"
    case .fault(let operation, let occurrence, let isSticky, let cause, let model):
      ".fault(.\(operation), occurrence: \(occurrence)\(isSticky ? ", isSticky: true" : ""), .\(cause), then: .\(model))"
    }
  }
}
