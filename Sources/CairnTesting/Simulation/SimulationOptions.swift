/// How much a simulation explores, and its bounds. The defaults take a second or so for a workload of a few commits.
public struct SimulationOptions: Sendable {
  /// What a crash may lose. Each is tried at each place; where nothing is left to lose, the first alone.
  public var models: [CrashModel] = [.kill, .ordered, .strict]
  /// How many choices of what is lost are drawn at each place, under each model but ``CrashModel/kill``; 1 or more.
  public var draws = 1
  /// At most so many places are cut. A workload that has no more is cut at all of them, and one that has more at
  /// those around its effects and notes, and at others that the seed draws.
  public var placeLimit = 200
  /// How many recoveries are cut in their turn, at a place that the seed draws.
  public var recoveryLimit = 60
  /// What operations fail with, one at a time; none: nothing fails.
  public var faults: [FaultPlan.Cause] = [.inputOutput, .noSpace]
  /// At most so many failures are tried, drawn by the seed from all there are.
  public var faultLimit = 40
  /// A life that makes more operations than this is a failure: the workload does not end. Only one in which operations
  /// fail may try again for so long; then its process is killed.
  public var operationLimit = 20_000
  /// How many cases are run in search of a simpler one once one has failed.
  public var shrinkLimit = 200
  /// How many of the last operations of each life a failure shows; at most ``SimulatedFileSystem/traceLimit``.
  public var traceLimit = 12
  /// How much time passes between the end of a life and the beginning of the next.
  public var restartMicroseconds: UInt32 = 1_000_000

  /// The defaults.
  public init() {}
}
