#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// How much an exploration looks at. Settled by the environment:
///
///     CAIRN_CRASH_STATES      different disks over all moments of a workload; few by default, since every run of the
///                             tests explores
///     CAIRN_CRASH_RECOVERIES  different disks that crashes of recoveries leave
///     CAIRN_CRASH_FAULTS      failures of operations, of a workload; 0 for every one
///     CAIRN_CRASH_SEED        what is drawn; 1 by default
///     CAIRN_CRASH_SHRINK      cases that are run in search of a simpler one than one that fails; 0 to take it as it is
///     CAIRN_CRASH_CASE        one case alone, as a violation prints it
///     CAIRN_CRASH_FAULT       one failure alone, as a violation prints it; with the seed and the number of failures
package struct CrashEffort: Sendable {
  package var states = 30
  package var recoveries = 6
  /// `nil`: every one.
  package var faults: Int? = 8
  package var seed: UInt64 = 1
  /// Whether somebody asked for just this effort, and so wants to read of it.
  package var isAskedFor = false
  /// How many cases are run in search of a simpler one; with 0 a failure is taken as it is, and ends the exploration.
  package var shrinkLimit = 400

  package init() {}

  /// As the environment has it.
  package static let chosen: CrashEffort = {
    var effort = CrashEffort()
    if let states = number("CAIRN_CRASH_STATES") {
      effort.states = states
      effort.isAskedFor = true
    }
    if let recoveries = number("CAIRN_CRASH_RECOVERIES") { effort.recoveries = recoveries }
    if let faults = number("CAIRN_CRASH_FAULTS") { effort.faults = faults == 0 ? nil : faults }
    if let seed = number("CAIRN_CRASH_SEED") { effort.seed = UInt64(clamping: seed) }
    if let limit = number("CAIRN_CRASH_SHRINK") { effort.shrinkLimit = limit }
    return effort
  }()

  /// The one case that is asked for.
  package static let chosenCase: CrashCase? = setting("CAIRN_CRASH_CASE").flatMap { CrashCase($0) }

  /// The one failure that is asked for: the workload's name, the failure, and the crash before if it is of a recovery.
  package static let chosenFault = setting("CAIRN_CRASH_FAULT")

  private static func setting(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  private static func number(_ name: String) -> Int? { setting(name).flatMap { Int($0) }.map { max(0, $0) } }
}
