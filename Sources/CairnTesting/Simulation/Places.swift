// Where a machine can stop during a life, without saying the same place twice: "after" an operation is "before" the
// next one that changes something.

/// A place at which a life can be cut.
struct Place: Hashable, Sendable {
  /// Which operation, from 1 on.
  var operation: Int
  var moment: FaultPlan.Moment
  /// Whether it is next to something that happens outside.
  var isAtFact = false
}

/// The places of a life, in order.
struct Places: Sendable {
  private(set) var all: [Place] = []

  /// The places of a life that makes these operations.
  init(of operations: [RecordedOperation]) {
    var last: Int?
    var wasFact = false
    for (index, operation) in operations.enumerated() where operation.operation.changesSomething {
      let isFact = operation.operation.isFact
      all.append(Place(operation: index + 1, moment: .before, isAtFact: isFact || wasFact))
      if operation.operation.hasParts {
        all.append(Place(operation: index + 1, moment: .during))
      }
      last = index + 1
      wasFact = isFact
    }
    if let last { all.append(Place(operation: last, moment: .after, isAtFact: wasFact)) }
  }

  /// At most so many of them, in order: those at facts, and others that are drawn.
  func sample(_ limit: Int, _ generator: inout SeededGenerator) -> [Place] {
    if all.count <= limit { return all }
    // A shuffle that is stable in what it prefers: first the places at facts, then the others.
    let shuffled = all.indices.shuffled(using: &generator)
    let preferred = shuffled.filter { all[$0].isAtFact } + shuffled.filter { !all[$0].isAtFact }
    return preferred.prefix(max(0, limit)).sorted().map { all[$0] }
  }

  /// One of them.
  func draw(_ generator: inout SeededGenerator) -> Place? {
    all.isEmpty ? nil : all[generator.below(all.count)]
  }
}

extension FaultPlan.Operation {
  /// Whether the disk, or the world outside, is another one afterwards: or else a crash before it and one after it leave
  /// the same.
  var changesSomething: Bool {
    switch self {
    case .create, .createDirectory, .rename, .link, .remove, .synchronizeDirectory, .write, .synchronize,
      .truncate, .effect, .note:
      true
    // A lock makes a file, but an empty one that nobody synchronizes. Space is only counted.
    case .open, .list, .information, .lock, .read, .startWriteback, .preallocate, .size, .close, .pass: false
    }
  }

  /// Whether it can happen in part.
  var hasParts: Bool {
    switch self {
    case .write, .synchronize, .synchronizeDirectory: true
    default: false
    }
  }

  /// Whether it happens outside.
  var isFact: Bool { self == .effect || self == .note }

  /// What it can fail with in a simulation. Silent causes befall only who asks for them: no store can promise more of these
  /// than that it says so when it is read.
  package func canFail(with cause: FaultPlan.Cause) -> Bool {
    if self == .note || self == .pass { return false }
    return switch cause {
    case .error: true
    case .inputOutput: true
    case .noSpace, .quotaExceeded: takesSpace
    case .tooManyOpenFiles, .tooManyOpenFilesInSystem: [.open, .create, .lock, .list].contains(self)
    case .accessDenied: isOnPath
    case .readOnlyFileSystem: self == .lock || (changesSomething && self != .effect)
    case .noLocks: self == .lock
    case .lostWrite, .misdirectedWrite: self == .write
    case .flippedBit: self == .write || self == .read
    }
  }

  /// Whether the system looks at permissions for it.
  private var isOnPath: Bool {
    switch self {
    case .open, .create, .createDirectory, .rename, .link, .remove, .list, .information, .lock: true
    default: false
    }
  }

  private var takesSpace: Bool {
    switch self {
    case .create, .createDirectory, .rename, .link, .write, .synchronize, .synchronizeDirectory, .preallocate:
      true
    default: false
    }
  }
}
