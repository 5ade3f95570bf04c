/// A set of ordinals, as the ranges that they form: records that are written together tend to die together.
///
///     varint range count │ for each range:  varint ordinals left out before it │ varint ordinals in it, less 1
///
/// Invariant: the ranges are not empty, ascend, and do not touch each other. `UInt32.max` is no ordinal.
struct OrdinalSet: Hashable, Sendable {
  private(set) var ranges: [Range<UInt32>] = []

  init() {}

  /// `nil` when an ordinal occurs twice or is `UInt32.max`. Costs the sorting.
  init?(_ ordinals: some Sequence<UInt32>) {
    for ordinal in ordinals.sorted() {
      guard ordinal < UInt32.max, ranges.last.map({ $0.upperBound <= ordinal }) ?? true else { return nil }
      append(ordinal..<ordinal + 1)
    }
  }

  /// The ordinals below `end`.
  init(below end: UInt32) {
    if end > 0 { ranges = [0..<end] }
  }

  var isEmpty: Bool { ranges.isEmpty }
  var count: UInt32 { ranges.reduce(0) { $0 + UInt32($1.count) } }
  var greatest: UInt32? { ranges.last.map { $0.upperBound - 1 } }
  /// All of them, ascending.
  var ordinals: some Sequence<UInt32> { ranges.lazy.joined() }

  func contains(_ ordinal: UInt32) -> Bool {
    let following = firstRange(endingAfter: ordinal)
    return following < ranges.count && ranges[following].contains(ordinal)
  }

  /// Adds what is in `other`; `false`, and nothing changes, when something of it is here already. Costs the
  /// ranges of both.
  mutating func formDisjointUnion(_ other: OrdinalSet) -> Bool {
    var result = OrdinalSet()
    result.ranges.reserveCapacity(ranges.count + other.ranges.count)
    var mine = ranges[...]
    var theirs = other.ranges[...]
    while true {
      let takesMine: Bool
      switch (mine.first, theirs.first) {
      case (let left?, let right?): takesMine = left.lowerBound < right.lowerBound
      case (_?, nil): takesMine = true
      case (nil, _?): takesMine = false
      case (nil, nil):
        self = result
        return true
      }
      guard let next = takesMine ? mine.popFirst() : theirs.popFirst() else { return false }
      if let last = result.ranges.last, last.upperBound > next.lowerBound { return false }
      result.append(next)
    }
  }

  /// The ordinals below `end` that are not in the set, whose ordinals must all be below `end`.
  func complement(below end: UInt32) -> OrdinalSet {
    var result = OrdinalSet()
    var start: UInt32 = 0
    for range in ranges {
      if start < range.lowerBound { result.ranges.append(start..<range.lowerBound) }
      start = range.upperBound
    }
    if start < end { result.ranges.append(start..<end) }
    return result
  }

  func encode(to bytes: inout [UInt8]) {
    bytes.append(varint: UInt64(ranges.count))
    var end: UInt32 = 0
    for range in ranges {
      bytes.append(varint: UInt64(range.lowerBound - end))
      bytes.append(varint: UInt64(range.count - 1))
      end = range.upperBound
    }
  }

  /// `nil` when what comes next is not a set as ``encode(to:)`` writes it.
  init?(decodingFrom reader: inout ByteReader) {
    guard let count = reader.readVarint() else { return nil }
    var end: UInt64 = 0
    for number in 0..<count {
      guard let gap = reader.readVarint(), gap <= UInt64(UInt32.max), gap > 0 || number == 0,
        let more = reader.readVarint(), more <= UInt64(UInt32.max)
      else { return nil }
      let start = end + gap
      end = start + more + 1
      guard end <= UInt64(UInt32.max) else { return nil }
      ranges.append(UInt32(start)..<UInt32(end))
    }
  }

  /// Adds a range that begins at or after the end of the last one.
  private mutating func append(_ range: Range<UInt32>) {
    if let last = ranges.last, last.upperBound == range.lowerBound {
      ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
    } else {
      ranges.append(range)
    }
  }

  /// The index of the first range that ends after `ordinal`.
  private func firstRange(endingAfter ordinal: UInt32) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = low + (high - low) / 2
      if ranges[middle].upperBound <= ordinal { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
