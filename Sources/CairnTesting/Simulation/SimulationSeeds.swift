#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Seeds as the arguments of a test, so that each is a test case of its own and can be run alone.
///
///     @Test(arguments: SimulationSeeds.first(4))
///     func theAgentSurvives(seed: UInt64) async throws {
///       try await simulate(seed: seed) { world in … } check: { world, facts in … }
///     }
public enum SimulationSeeds {
  /// The variable of the environment that says which seeds are run instead: `7`, or `1000-1999`.
  public static let variable = "CAIRN_SIMULATION_SEEDS"

  /// The seeds from 1 to `count`, or those that ``variable`` says.
  public static func first(_ count: UInt64) -> [UInt64] {
    // Before any other thread changes it: tests are collected before they run.
    parse(getenv(variable).map { String(cString: $0) } ?? "") ?? Array(1...max(1, count))
  }

  /// The seeds that a text says; `nil` when it says none. At most a million.
  static func parse(_ text: String) -> [UInt64]? {
    let bounds = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { UInt64($0) }
    switch bounds.count {
    case 1: return bounds[0].map { [$0] }
    case 2:
      guard let lower = bounds[0], let upper = bounds[1], lower <= upper, upper - lower < 1_000_000 else {
        return nil
      }
      return Array(lower...upper)
    default: return nil
    }
  }
}
