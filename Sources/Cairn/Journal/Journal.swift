public import CairnKV

/// The name of one ordered stream of events.
///
/// A name is 1 to 1,024 bytes of UTF-8, and is compared by those bytes; a call with any other name throws
/// ``StoreError/invalidName(_:reason:)``. A journal needs no creating: it is there once something was
/// appended to it. What is stored does not name the Swift type: one name must always be used with one
/// `Event`.
public struct Journal<Event: Codable & Sendable>: Hashable, Sendable {
  /// The name.
  public let id: String

  /// Names a journal.
  public init(_ id: String) {
    self.id = id
  }

  public static func == (left: Journal, right: Journal) -> Bool {
    left.id.utf8.elementsEqual(right.id.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(Array(id.utf8))
  }
}

/// What an append expects of the journal's last version.
public enum ExpectedVersion: Hashable, Sendable {
  /// Nothing: the events go behind whatever is there.
  case any
  /// That nothing was ever appended.
  case none
  /// That the last version is this one; 0 is the same as ``none``.
  case exactly(UInt64)

  /// Whether a journal whose last version is `actual` (0 when it is empty) is what was expected.
  func allows(_ actual: UInt64) -> Bool {
    switch self {
    case .any: true
    case .none: actual == 0
    case .exactly(let version): actual == version
    }
  }
}

/// What an append did.
public struct Appended: Hashable, Sendable {
  /// The versions of the events: contiguous, in the order given. Empty when no events were given.
  public let versions: Range<UInt64>
  /// Whether an earlier append with the same once-key had already been committed, or made in this
  /// transaction: then nothing was written, and `versions` are those of the earlier events.
  public let isRepeat: Bool

  /// The version of the first event; `nil` when no events were given.
  public var first: UInt64? { versions.first }
  /// The version of the last event; `nil` when no events were given.
  public var last: UInt64? { versions.last }
}

/// Where in a journal a read begins. The event at that place is included.
public enum EventPlace: Hashable, Sendable {
  /// At a version, which the journal need not have yet.
  case version(UInt64)
  /// At a position in the commit order of the whole store, which need not be one of this journal's.
  case position(CommitPosition)
}
