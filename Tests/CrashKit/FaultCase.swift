package import CairnTesting

/// One failure: of the calls of one kind the one with this number, once, or it and all later ones.
package struct FaultCase: Hashable, Sendable, CustomStringConvertible {
  package var operation: FaultPlan.Operation
  package var occurrence: Int
  package var cause: FaultPlan.Cause
  package var isSticky: Bool
  /// What the failing call leaves behind: the same whatever it fails with.
  package var seed: UInt64

  package var plan: FaultPlan {
    FaultPlan(
      [.init(operation, occurrence: occurrence, isSticky: isSticky, cause: cause)], seed: seed)
  }

  /// As in `synchronizeDirectory:19:once:inputOutput:20`.
  package var description: String {
    "\(operation):\(occurrence):\(isSticky ? "sticky" : "once"):\(cause):\(seed)"
  }

  /// Every call of those that can fail, with every error that it can fail with, once and for good.
  static func all(of operations: [FaultPlan.Operation], seed: UInt64) -> [FaultCase] {
    var counts: [FaultPlan.Operation: Int] = [:]
    var cases: [FaultCase] = []
    for operation in operations {
      let occurrence = counts[operation, default: 0] + 1
      counts[operation] = occurrence
      for cause in causes where operation.canFail(with: cause) {
        for isSticky in cause.isSilent ? [false] : [false, true] {
          cases.append(
            FaultCase(
              operation: operation, occurrence: occurrence, cause: cause, isSticky: isSticky,
              seed: seed &+ UInt64(occurrence)))
        }
      }
    }
    return cases
  }

  private static let causes: [FaultPlan.Cause] = [
    .inputOutput, .noSpace, .quotaExceeded, .tooManyOpenFiles, .tooManyOpenFilesInSystem, .accessDenied,
    .readOnlyFileSystem, .noLocks, .lostWrite, .misdirectedWrite, .flippedBit,
  ]
}

/// What came of a failure.
package enum FaultOutcome: String, Sendable, CaseIterable {
  /// An error that names it was thrown.
  case reported
  /// The call was made again, or another in its place, and nobody had to know.
  case retried
  /// Nothing depended on it.
  case harmless
  /// Of what a device did wrong in silence: the store says that it is damaged.
  case detected
  /// Of what a device did wrong in silence: what was written last is not there, as if it never had been.
  case lostEnd = "lost end"
}
