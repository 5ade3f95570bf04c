/// Where a commit, or one thing within it, stands in the commit order of its store.
///
/// Positions only grow: a later commit's positions are all greater than an earlier commit's. They are not
/// contiguous. A reader never sees a position appear below one that it has already read. Encoded as its number.
public struct CommitPosition: RawRepresentable, Hashable, Comparable, Codable, Sendable {
  /// The position as a number; at least 1 for anything that was committed.
  public let rawValue: UInt64

  /// A position from its number.
  public init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  public static func < (left: CommitPosition, right: CommitPosition) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// Bytes of which eight are filled in with the commit's own position when the commit order is decided.
///
/// An append to a shared log can so name its place in that log without reading it first, and never conflicts
/// with another append. The eight bytes are the big-endian sum of the commit's position and `addend`, so that
/// byte order is commit order, and the things of one commit can be told apart and ordered.
public struct CommitOrderedBytes: Hashable, Sendable {
  /// The bytes, with eight placeholder bytes where the position goes.
  public let bytes: [UInt8]
  /// The offset of the eight placeholder bytes in `bytes`; `nil` when there is nothing to fill in.
  public let placeholderOffset: Int?
  /// What is added to the commit's position. It must be less than the number of operations in the
  /// transaction, so that a commit's positions stay below the next commit's.
  public let addend: UInt32

  /// `prefix`, then the position, then `suffix`.
  public init(prefix: [UInt8], addend: UInt32 = 0, suffix: [UInt8] = []) {
    bytes = prefix + [UInt8](repeating: 0, count: 8) + suffix
    placeholderOffset = prefix.count
    self.addend = addend
  }

  /// Bytes with nothing to fill in.
  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
    placeholderOffset = nil
    addend = 0
  }

  /// The bytes as they are once `position` is known.
  public func resolved(at position: CommitPosition) -> [UInt8] {
    guard let placeholderOffset else { return bytes }
    var result = bytes
    let number = position.rawValue &+ UInt64(addend)
    for index in 0..<8 {
      result[placeholderOffset + index] = UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64(index)))
    }
    return result
  }
}
