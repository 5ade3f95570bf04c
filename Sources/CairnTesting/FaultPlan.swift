// Which operations of a simulated file system fail, and how.

public import CairnKV

/// The failures that a run is to meet. The same plan and the same operations give the same run.
public struct FaultPlan: Sendable, Hashable {
  /// The kinds of operation, as they are counted.
  public enum Operation: String, Sendable, Hashable, CaseIterable {
    /// A call of the file system.
    case open, create, createDirectory, rename, link, remove, list, information, synchronizeDirectory, lock
    /// A call of an open file.
    case read, write, startWriteback, synchronize, truncate, preallocate, size, close
    /// Something that a ``SimulatedWorld`` does beside its disk: an effect, a note, a while that passes.
    case effect, note, pass
  }

  /// One failure.
  public struct Fault: Sendable, Hashable {
    /// The operations that count: those of this kind, or all.
    public var operation: Operation?
    /// Only operations whose path contains this text count; with `nil` all do.
    public var pathContaining: String?
    /// Which of the operations that count fails, from 1 on, counted from when the plan was set.
    public var occurrence: Int
    /// Whether all later ones fail too, as on a disk that died or filled up.
    public var isSticky: Bool
    /// What the operation fails with.
    public var cause: Cause

    /// A failure of one operation, or of it and all later ones.
    public init(
      _ operation: Operation?, occurrence: Int = 1, isSticky: Bool = false, cause: Cause = .inputOutput,
      pathContaining: String? = nil
    ) {
      self.operation = operation
      self.pathContaining = pathContaining
      self.occurrence = occurrence
      self.isSticky = isSticky
      self.cause = cause
    }
  }

  /// Why an operation fails; or what is wrong with it although it says that it succeeded.
  public enum Cause: Sendable, Hashable {
    /// EIO, with code `.inputOutput`.
    case inputOutput
    /// ENOSPC, with code `.full`.
    case noSpace
    /// EDQUOT, with code `.full`.
    case quotaExceeded
    /// EMFILE, with code `.inputOutput`.
    case tooManyOpenFiles
    /// ENFILE, with code `.inputOutput`.
    case tooManyOpenFilesInSystem
    /// EACCES, with code `.inputOutput`.
    case accessDenied
    /// EROFS, with code `.inputOutput`: what a file system becomes that has found an error in itself.
    case readOnlyFileSystem
    /// ENOLCK, with code `.inputOutput`.
    case noLocks
    /// Just this.
    case error(StorageError)
    /// A write that the device never does: read anew after a power cut, there is what was there before.
    case lostWrite
    /// A write that the device does elsewhere, in this file or another one.
    case misdirectedWrite
    /// One bit is another: of a write on the device, of a read in memory.
    case flippedBit

    /// Whether the operation says that it succeeded.
    public var isSilent: Bool {
      switch self {
      case .lostWrite, .misdirectedWrite, .flippedBit: true
      default: false
      }
    }
  }

  /// The failures. Where several meet, the first decides.
  public var faults: [Fault]

  /// The operation, of all from when the plan was set, from 1 on, at which the power goes.
  ///
  /// That operation happens not at all, in part or wholly, as ``powerCutMoment`` or the seed has it; it and every later one
  /// throws an error of which ``CairnKV/StorageError/isSimulatedPowerCut`` is true.
  public var powerCutAtOperation: Int?

  /// How far an operation has come when the power goes.
  public enum Moment: String, Sendable, Hashable, CaseIterable {
    /// It does not happen.
    case before
    /// It happens, and whoever asked for it never hears of it.
    case after
    /// It happens in part: a write up to some byte, a synchronization of some of what it was to settle. What has no
    /// parts does not happen.
    case during
  }

  /// How far the operation comes at which the power goes; `nil`: as the seed has it.
  public var powerCutMoment: Moment?

  /// Decides what a failed operation leaves behind: how much of a write, and what of a synchronization.
  public var seed: UInt64

  /// A plan; without arguments, one by which nothing fails.
  public init(
    _ faults: [Fault] = [], powerCutAtOperation: Int? = nil, powerCutMoment: Moment? = nil, seed: UInt64 = 0
  ) {
    self.faults = faults
    self.powerCutAtOperation = powerCutAtOperation
    self.powerCutMoment = powerCutMoment
    self.seed = seed
  }

  /// The power goes at the `operation`th operation.
  public static func powerCut(atOperation operation: Int, seed: UInt64) -> FaultPlan {
    FaultPlan(powerCutAtOperation: operation, seed: seed)
  }
}

extension StorageError {
  private static let powerCutMessage = "the simulated power is off"

  static func simulatedPowerCut(_ path: String) -> StorageError {
    StorageError(.inputOutput, powerCutMessage, file: path)
  }

  /// Whether this is what a simulated file system says of everything once its power is off.
  public var isSimulatedPowerCut: Bool {
    message == Self.powerCutMessage
  }
}

/// A plan under way: what it has counted so far.
struct FaultProgress: Sendable {
  /// What becomes of an operation.
  enum Verdict {
    case happens
    case fails(FaultPlan.Cause)
    /// The power goes when it has come so far.
    case powerGoes(FaultPlan.Moment)
    case powerIsOff
  }

  private let plan: FaultPlan
  private var counts: [Int]
  private var operations = 0
  /// How many operations have failed as planned.
  private(set) var metCount = 0
  var generator: SeededGenerator

  init(_ plan: FaultPlan) {
    self.plan = plan
    counts = Array(repeating: 0, count: plan.faults.count)
    generator = SeededGenerator(seed: plan.seed)
  }

  /// Counts an operation and decides.
  mutating func next(_ operation: FaultPlan.Operation, _ path: String) -> Verdict {
    operations += 1
    if let cut = plan.powerCutAtOperation, operations >= cut {
      return operations == cut ? .powerGoes(plan.powerCutMoment ?? drawnMoment()) : .powerIsOff
    }
    var cause: FaultPlan.Cause?
    for (index, fault) in plan.faults.enumerated() {
      if let kind = fault.operation, kind != operation { continue }
      if let text = fault.pathContaining, !path.contains(text) { continue }
      counts[index] += 1
      let isMet = fault.isSticky ? counts[index] >= fault.occurrence : counts[index] == fault.occurrence
      if isMet, cause == nil { cause = fault.cause }
    }
    guard let cause else { return .happens }
    metCount += 1
    return .fails(cause)
  }

  /// Whether the power has gone.
  var isPowerOff: Bool {
    plan.powerCutAtOperation.map { operations >= $0 } ?? false
  }

  private mutating func drawnMoment() -> FaultPlan.Moment {
    switch generator.below(3) {
    case 0: .before
    case 1: .during
    default: .after
    }
  }
}
