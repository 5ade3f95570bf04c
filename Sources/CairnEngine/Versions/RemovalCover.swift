/// Where range removals reach, and which of them is the newest there: disjoint *pieces* in key order.
///
/// Made in one sweep over all bounds, with the removals that are open at each in a heap: thousands of them
/// within one another cost no more than side by side. (``RangeTombstoneSet`` keeps every removal of a range,
/// for readers of different moments, and so cannot be made in less than the square.)
struct RemovalCover {
  /// A removal, and the level of the segment that it was found in.
  struct Source {
    var removal: RangeTombstone
    var level: Int
  }

  private struct Piece {
    var lower: [UInt8]
    /// `nil`: to the end of the key space.
    var upper: [UInt8]?
    var sequence: UInt64
    var level: Int
  }

  /// By key; no two overlap. Pieces that touch may differ in their removal, or not.
  private var pieces: [Piece] = []

  var isEmpty: Bool { pieces.isEmpty }
  var count: Int { pieces.count }

  init(_ sources: [Source]) {
    let starts = sources.filter { !$0.removal.isEmpty }.sorted {
      $0.removal.lower.lexicographicallyPrecedes($1.removal.lower)
    }
    var open = SourceHeap()
    var next = 0
    // Each turn stands at a place where the newest open removal may change.
    var place = starts.first?.removal.lower
    while let lower = place {
      while next < starts.count, !lower.lexicographicallyPrecedes(starts[next].removal.lower) {
        open.insert(starts[next])
        next += 1
      }
      while let top = open.top, let end = top.removal.upper, !lower.lexicographicallyPrecedes(end) {
        open.removeTop()
      }
      let start = next < starts.count ? starts[next].removal.lower : nil
      guard let top = open.top else {
        place = start
        continue
      }
      var end = top.removal.upper
      if let start, end.map({ start.lexicographicallyPrecedes($0) }) ?? true { end = start }
      append(Piece(lower: lower, upper: end, sequence: top.removal.sequence, level: top.level))
      place = end
    }
  }

  private mutating func append(_ piece: Piece) {
    if let last = pieces.last, last.upper == piece.lower, last.sequence == piece.sequence,
      last.level == piece.level
    {
      pieces[pieces.count - 1].upper = piece.upper
    } else {
      pieces.append(piece)
    }
  }

  /// The segments of a sorted level that are covered whole, each by removals newer than all it holds that
  /// were found in this level or above: there readers meet them first.
  ///
  /// Steps over segments and over pieces that cannot match by binary search: it costs about the lesser of
  /// their numbers.
  func covered(of segments: [SegmentFile], level: Int) -> [SegmentFile] {
    var result: [SegmentFile] = []
    var piece = 0
    var index = 0
    while piece < pieces.count && index < segments.count {
      let lower = segments[index].properties.lowerBound
      if isBefore(pieces[piece], lower) {
        piece = firstPiece(notBefore: lower, from: piece + 1)
      } else if lower.lexicographicallyPrecedes(pieces[piece].lower) {
        let target = pieces[piece].lower
        index = Self.partition(from: index + 1, to: segments.count) {
          segments[$0].properties.lowerBound.lexicographicallyPrecedes(target)
        }
      } else {
        if covers(segments[index].properties, level: level, from: piece) { result.append(segments[index]) }
        index += 1
      }
    }
    return result
  }

  /// The same for one segment of any level.
  func covers(_ properties: SegmentProperties, level: Int) -> Bool {
    let piece = firstPiece(notBefore: properties.lowerBound, from: 0)
    guard piece < pieces.count, !properties.lowerBound.lexicographicallyPrecedes(pieces[piece].lower) else {
      return false
    }
    return covers(properties, level: level, from: piece)
  }

  /// - Parameter first: the piece that holds the lower bound.
  private func covers(_ properties: SegmentProperties, level: Int, from first: Int) -> Bool {
    var index = first
    while pieces[index].sequence > properties.largestSequence && pieces[index].level <= level {
      guard let end = pieces[index].upper else { return true }
      if properties.upperBound.isWithin(end) { return true }
      index += 1
      guard index < pieces.count, pieces[index].lower == end else { return false }
    }
    return false
  }

  private func isBefore(_ piece: Piece, _ key: [UInt8]) -> Bool {
    guard let upper = piece.upper else { return false }
    return !key.lexicographicallyPrecedes(upper)
  }

  /// The first piece that does not end at or before `key`.
  private func firstPiece(notBefore key: [UInt8], from start: Int) -> Int {
    Self.partition(from: start, to: pieces.count) { isBefore(pieces[$0], key) }
  }

  /// The first index for which `isBefore` does not hold; it holds for none after one for which it does not.
  private static func partition(from start: Int, to end: Int, _ isBefore: (Int) -> Bool) -> Int {
    var low = start
    var high = end
    while low < high {
      let middle = low + (high - low) / 2
      if isBefore(middle) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// Removals, the newest on top; of two with one sequence number the one further up in the tree.
private struct SourceHeap {
  private var items: [RemovalCover.Source] = []

  var top: RemovalCover.Source? { items.first }

  mutating func insert(_ source: RemovalCover.Source) {
    items.append(source)
    var index = items.count - 1
    while index > 0, precedes(index, (index - 1) / 2) {
      items.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  mutating func removeTop() {
    guard !items.isEmpty else { return }
    items.swapAt(0, items.count - 1)
    items.removeLast()
    var index = 0
    while true {
      var first = index
      for child in [2 * index + 1, 2 * index + 2] where child < items.count && precedes(child, first) {
        first = child
      }
      if first == index { return }
      items.swapAt(index, first)
      index = first
    }
  }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    let (a, b) = (items[left], items[right])
    if a.removal.sequence != b.removal.sequence { return a.removal.sequence > b.removal.sequence }
    return a.level < b.level
  }
}

extension SegmentProperties.UpperBound {
  /// Whether every key up to the bound lies before `end`.
  func isWithin(_ end: [UInt8]) -> Bool {
    switch self {
    case .inclusive(let key): key.lexicographicallyPrecedes(end)
    case .exclusive(let key): !end.lexicographicallyPrecedes(key)
    case .unbounded: false
    }
  }
}
