import CairnKV

/// What an ingest has written, complete and durable, before its place in the commit order is decided.
struct PreparedIngest: Equatable, Sendable {
  /// Whether what was in the range goes: the segments then begin with the range's removal.
  let isReplacing: Bool
  /// In key order, with relative sequence numbers.
  let segments: [SegmentProperties]
  let valueFiles: [ValueFileProperties]
  /// What must hold no key when the ingest takes effect; `nil` when it replaces.
  let emptyRange: KeyRange?

  /// The relative sequence number of all entries. A removal is the operation before them.
  static func sequenceOfEntries(isReplacing: Bool) -> UInt64 { isReplacing ? 2 : 1 }

  /// How many sequence numbers it takes.
  var sequenceCount: UInt32 { isReplacing ? 2 : 1 }

  /// All keys that an entry has or a removal covers.
  var bounds: KeyRange {
    guard let first = segments.first, let last = segments.last else { return KeyRange(from: [], to: []) }
    return first.range.hull(last.range)
  }
}

extension SegmentProperties {
  /// All keys within the bounds.
  var range: KeyRange {
    switch upperBound {
    case .inclusive(let key): KeyRange(from: lowerBound, to: key + [0])
    case .exclusive(let key): KeyRange(from: lowerBound, to: key)
    case .unbounded: KeyRange(from: lowerBound, to: nil)
    }
  }
}

extension KeyRange {
  /// The keys from the first of either to the last of either.
  func hull(_ other: KeyRange) -> KeyRange {
    let end: [UInt8]? =
      if let upper, let otherUpper = other.upper {
        upper.lexicographicallyPrecedes(otherUpper) ? otherUpper : upper
      } else { nil }
    return KeyRange(from: lower.lexicographicallyPrecedes(other.lower) ? lower : other.lower, to: end)
  }

  func overlaps(_ other: KeyRange) -> Bool {
    if isEmpty || other.isEmpty { return false }
    if let upper, !other.lower.lexicographicallyPrecedes(upper) { return false }
    if let end = other.upper, !lower.lexicographicallyPrecedes(end) { return false }
    return true
  }
}
