import CairnKV

/// One verification under way: counts what is looked at, keeps what is found, and holds the pace. Used by
/// one thread.
final class VerificationRun {
  private(set) var report: VerificationReport
  let decompressor = BlockDecompressor()
  private let limit: Int
  private let control: VerificationControl
  private let pace: VerificationPace?
  private let onViolation: (VerificationViolation) -> Void

  init(
    _ depth: VerificationDepth, violationLimit: Int, control: VerificationControl,
    pace: VerificationPace? = nil,
    onViolation: @escaping (VerificationViolation) -> Void = { _ in }
  ) {
    report = VerificationReport(depth: depth)
    limit = max(0, violationLimit)
    self.control = control
    self.pace = pace
    self.onViolation = onViolation
  }

  var depth: VerificationDepth { report.depth }

  /// Whether the run is to end. Asked between blocks.
  var isCancelled: Bool {
    if control.isCancelled { report.isComplete = false }
    return control.isCancelled
  }

  /// A run whose findings can be weighed before they count.
  func scratch() -> VerificationRun {
    VerificationRun(depth, violationLimit: limit, control: control, pace: pace)
  }

  /// Takes over what a scratch run has counted, and of what it has found all that `isConfirmed`.
  func adopt(_ other: VerificationRun, where isConfirmed: (VerificationViolation) -> Bool) {
    report.examined.merge(other.report.examined) { $0 &+ $1 }
    report.isComplete = report.isComplete && other.report.isComplete
    for violation in other.report.violations where isConfirmed(violation) { note(violation) }
    report.bytesRead &+= other.report.bytesRead
  }

  func note(bytesRead bytes: UInt64) {
    report.bytesRead &+= bytes
    pace?.spend(bytes) { control.isCancelled }
  }

  /// Counts looks at an invariant.
  func count(_ check: VerificationCheck, _ amount: UInt64 = 1) {
    report.examined[check, default: 0] &+= amount
  }

  func note(_ violation: VerificationViolation) {
    report.violationCount &+= 1
    if report.violations.count < limit { report.violations.append(violation) }
    onViolation(violation)
  }

  func note(_ check: VerificationCheck, file: String, offset: UInt64? = nil, _ message: String) {
    note(VerificationViolation(check, file: file, offset: offset, message))
  }

  /// Looks at one thing, and notes it when it is not so.
  @discardableResult
  func require(
    _ check: VerificationCheck, _ holds: Bool, file: String, offset: UInt64? = nil,
    _ message: @autoclosure () -> String
  ) -> Bool {
    count(check)
    if !holds { note(check, file: file, offset: offset, message()) }
    return holds
  }

  /// Looks at one thing by a piece of work that throws when it is not so. A file that the system cannot read
  /// is as good as one that fails its checksum.
  func attempt<Value: ~Copyable>(
    _ check: VerificationCheck, file: String, _ work: () throws(StorageError) -> Value
  ) -> Value? {
    count(check)
    do throws(StorageError) {
      return try work()
    } catch {
      note(check, file: error.file ?? file, offset: error.offset, error.message)
      return nil
    }
  }
}
