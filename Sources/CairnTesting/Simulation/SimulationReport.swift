/// What a simulation has explored.
public struct SimulationReport: Sendable, Hashable, CustomStringConvertible {
  /// How many operations the workload makes when nothing befalls it.
  public var operations = 0
  /// How many places there are to cut it: before each operation that changes something, within each that has parts,
  /// and after the last.
  public var places = 0
  /// How many of them were cut.
  public var cutPlaces = 0
  /// How many times the workload was started on what a crash or a failure had left.
  public var states = 0
  /// How many of these were of a recovery that was itself cut short.
  public var recoveries = 0
  /// How many of these came after an operation that failed.
  public var faults = 0
  /// How many times the check passed.
  public var checks = 0

  /// Which part of the places was cut: 1 when it was every one.
  public var fraction: Double { places == 0 ? 0 : Double(cutPlaces) / Double(places) }

  /// All of it in one line.
  public var description: String {
    "\(operations) operations, \(cutPlaces) of \(places) places cut, \(states) states, "
      + "\(recoveries) recoveries cut, \(faults) failures, \(checks) checks"
  }
}
