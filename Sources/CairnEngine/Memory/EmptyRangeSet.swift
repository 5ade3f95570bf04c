import CairnKV

/// Ranges without a live key, each since some commit and until now: what ``EmptyRanges`` knows, without its
/// lock.
///
/// Adjacent pieces form a chain, in which an older piece serves older readers than its neighbour does. Both
/// the number of pieces and the length of a chain are bounded: the two oldest neighbours of a chain that is
/// too long become one, and what was not used for longest is forgotten.
///
/// Invariant: pieces are not empty, disjoint, and ascend.
struct EmptyRangeSet {
  struct Piece: Equatable {
    var lower: [UInt8]
    /// `nil`: to the end of the key space.
    var upper: [UInt8]?
    /// Nobody who reads at this sequence number or a later one sees a key in the piece.
    var since: UInt64
    var lastUse: UInt64 = 0
  }

  /// Where the empty keys end that a reader may pass over.
  enum Bound: Equatable {
    case key([UInt8])
    /// At the end of the key space.
    case end
  }

  private(set) var pieces: [Piece] = []
  private var useCount: UInt64 = 0

  static let greatestCount = 256
  static let longestChain = 8

  // MARK: Asking

  /// From where on a reader at `snapshot` has to look that starts at `key`, going up; `nil` when it is there.
  mutating func firstToLookAt(from key: UnsafeRawBufferPointer, at snapshot: UInt64) -> Bound? {
    var index = firstPiece(endingAfter: key)
    guard index < pieces.count, Self.compare(pieces[index].lower, key) <= 0,
      pieces[index].since <= snapshot
    else { return nil }
    use(index)
    while let upper = pieces[index].upper {
      guard index + 1 < pieces.count, pieces[index + 1].lower == upper, pieces[index + 1].since <= snapshot
      else { return .key(upper) }
      index += 1
    }
    return .end
  }

  /// Before which key a reader at `snapshot` has to look that starts before `key` (`nil`: at the end), going
  /// down; `nil` when it is there.
  mutating func endToLookAt(from key: [UInt8]?, at snapshot: UInt64) -> [UInt8]? {
    var index = key.map { firstPiece(endingAtOrAfter: $0) } ?? pieces.count - 1
    guard pieces.indices.contains(index), pieces[index].since <= snapshot else { return nil }
    if let key {
      guard pieces[index].lower.lexicographicallyPrecedes(key) else { return nil }
    } else if pieces[index].upper != nil {
      return nil
    }
    use(index)
    while index > 0, pieces[index - 1].upper == pieces[index].lower, pieces[index - 1].since <= snapshot {
      index -= 1
    }
    return pieces[index].lower
  }

  private mutating func use(_ index: Int) {
    useCount &+= 1
    pieces[index].lastUse = useCount
  }

  // MARK: Changing

  /// Adds what is not known yet of a range that no reader at `since` or later sees a key in.
  mutating func add(_ range: KeyRange, since: UInt64) {
    var lower = range.lower
    while true {
      let index = lower.withUnsafeBytes { firstPiece(endingAfter: $0) }
      let next = index < pieces.count ? pieces[index] : nil
      if let next, !lower.lexicographicallyPrecedes(next.lower) {
        guard let end = next.upper, Self.precedes(end, range.upper) else { return }
        lower = end
        continue
      }
      var upper = range.upper
      if let next, Self.precedes(next.lower, upper) { upper = next.lower }
      insert(Piece(lower: lower, upper: upper, since: since), at: index)
      guard let end = upper, Self.precedes(end, range.upper) else { return }
      lower = end
    }
  }

  private mutating func insert(_ piece: Piece, at index: Int) {
    if let upper = piece.upper, !piece.lower.lexicographicallyPrecedes(upper) { return }
    useCount &+= 1
    pieces.insert(piece, at: index)
    pieces[index].lastUse = useCount
    shortenChain(around: index)
    guard pieces.count > Self.greatestCount else { return }
    if let oldest = pieces.indices.min(by: { pieces[$0].lastUse < pieces[$1].lastUse }) {
      pieces.remove(at: oldest)
    }
  }

  /// A key was given a value: it is split off. The parts stay for as long as they are used: filling a range
  /// that nobody reads must not shatter it.
  mutating func cut(_ key: UnsafeRawBufferPointer) {
    let index = firstPiece(endingAfter: key)
    guard index < pieces.count, Self.compare(pieces[index].lower, key) <= 0 else { return }
    let piece = pieces.remove(at: index)
    guard piece.lastUse > 0 else { return }
    let key = [UInt8](key)
    let above = Piece(lower: key + [0], upper: piece.upper, since: piece.since)
    if Self.precedes(above.lower, above.upper) { pieces.insert(above, at: index) }
    let below = Piece(lower: piece.lower, upper: key, since: piece.since)
    if Self.precedes(below.lower, below.upper) { pieces.insert(below, at: index) }
  }

  /// Keys of a range may have been given values.
  mutating func cut(_ range: KeyRange) {
    pieces.removeAll { Self.overlap(KeyRange(from: $0.lower, to: $0.upper), range) }
  }

  /// Merges the two neighbours of a chain that together serve the most readers: those whose younger part is
  /// oldest.
  private mutating func shortenChain(around index: Int) {
    var first = index
    while first > 0, pieces[first - 1].upper == pieces[first].lower { first -= 1 }
    var last = index
    while last + 1 < pieces.count, pieces[last].upper == pieces[last + 1].lower { last += 1 }
    guard last - first >= Self.longestChain else { return }
    func younger(_ index: Int) -> UInt64 { max(pieces[index].since, pieces[index + 1].since) }
    guard let oldest = (first..<last).min(by: { younger($0) < younger($1) }) else { return }
    pieces[oldest].since = younger(oldest)
    pieces[oldest].upper = pieces[oldest + 1].upper
    pieces[oldest].lastUse = max(pieces[oldest].lastUse, pieces[oldest + 1].lastUse)
    pieces.remove(at: oldest + 1)
  }

  // MARK: Order

  private func firstPiece(endingAfter key: UnsafeRawBufferPointer) -> Int {
    firstPiece { Self.compare($0, key) > 0 }
  }

  private func firstPiece(endingAtOrAfter key: [UInt8]) -> Int {
    key.withUnsafeBytes { key in firstPiece { Self.compare($0, key) >= 0 } }
  }

  private func firstPiece(where endsLate: ([UInt8]) -> Bool) -> Int {
    var low = 0
    var high = pieces.count
    while low < high {
      let middle = (low + high) / 2
      if pieces[middle].upper.map(endsLate) ?? true { high = middle } else { low = middle + 1 }
    }
    return low
  }

  private static func compare(_ left: [UInt8], _ right: UnsafeRawBufferPointer) -> Int {
    left.withUnsafeBytes { EntryOrder.compare($0, right) }
  }

  private static func precedes(_ key: [UInt8], _ bound: [UInt8]?) -> Bool {
    bound.map { key.lexicographicallyPrecedes($0) } ?? true
  }

  static func overlap(_ left: KeyRange, _ right: KeyRange) -> Bool {
    precedes(left.lower, right.upper) && precedes(right.lower, left.upper)
  }
}
