public import CairnKV

/// How a store is repaired. See ``Engine``'s `repair`.
public struct RepairOptions: Sendable {
  /// Whether entries are taken over that something lost may have removed or overwritten. Default `false`:
  /// what was removed does not come back. With `true` nothing that can be read is left behind, and what was
  /// removed or overwritten by what is lost may be back, in the ranges that the report names.
  public var keepsDoubtful = false
  /// How many losses, and how many ranges of doubtful keys, are told in full; the others are counted.
  /// Default 1000.
  public var lossLimit = 1000
  /// How the new store is written. The defaults are right.
  public var engine = EngineOptions()

  /// The defaults.
  public init() {}
}

/// Something that a repair could not take over.
public struct RepairLoss: Hashable, Sendable {
  /// A part of a store.
  public enum Part: String, Hashable, Sendable, CaseIterable {
    /// The manifest, or what it held from some edit on. Then the files in the directory are taken for what
    /// the store consisted of; which of them it had let go of is not known.
    case manifest
    /// A whole segment.
    case segment
    /// A block of entries.
    case block
    /// The range removals of a segment.
    case rangeRemovals
    /// A segment that can be read, but whose place in the order of commits only the manifest knew: an
    /// ingest's.
    case order
    /// A whole log.
    case log
    /// Frames of a log.
    case frames
    /// A large value.
    case value
  }

  /// What.
  public let part: Part
  /// The path of the file it was in.
  public let file: String
  /// Where in the file, in bytes; `nil` where it is the whole file, or where it would be.
  public let offset: UInt64?
  /// The keys that may be concerned.
  public let range: KeyRange
  /// The first and the last sequence number that may be concerned; `nil` for the last when it is not known.
  public let firstSequence: UInt64
  /// The last sequence number that may be concerned; `nil` when it is not known.
  public let lastSequence: UInt64?
  /// Why it could not be read.
  public let message: String
}

extension RepairLoss: CustomStringConvertible {
  /// What was lost, why, and where, in a line.
  public var description: String {
    let place = "[file \(file)" + (offset.map { ", offset \($0)" } ?? "") + "]"
    return "\(part.rawValue) lost: \(message) \(place)"
  }
}

/// What a repair has taken over, and what it has not.
public struct RepairReport: Hashable, Sendable {
  /// What could not be read, in the order in which it was found; no more than the limit that was given.
  public internal(set) var losses: [RepairLoss] = []
  /// How much could not be read altogether.
  public internal(set) var lossCount: UInt64 = 0
  /// How many keys were taken over, doubtful ones included if they were.
  public internal(set) var keyCount: UInt64 = 0
  /// How many keys have a value that something lost may have removed or overwritten.
  public internal(set) var doubtfulKeyCount: UInt64 = 0
  /// Where these are: from the first to the last of each row of them; no more than the limit that was given.
  public internal(set) var doubtfulRanges: [KeyRange] = []
  /// Whether the doubtful ones were taken over.
  public internal(set) var hasDoubtful = false
  /// The last sequence number of the old store, as far as it is known. The new one goes on behind it, so
  /// that positions go on growing.
  public internal(set) var lastSequence: UInt64 = 0

  /// Whether nothing is missing.
  public var isWhole: Bool { lossCount == 0 }
}
