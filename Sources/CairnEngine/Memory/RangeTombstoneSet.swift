/// Range removals, arranged so that "which is the newest that covers this key?" is a binary search.
///
/// Removals that overlap are cut into *fragments*: disjoint ranges in order, each with the sequence numbers
/// of all removals that cover it. Cutting costs time in proportion to their number, so the newest few are
/// kept aside uncut and looked through one by one.
struct RangeTombstoneSet: Sendable {
  private struct Fragment: Sendable {
    var lower: [UInt8]
    var upper: [UInt8]?
    /// Newest first.
    var sequences: [UInt64]
  }

  /// In the order in which they were added.
  private(set) var all: [RangeTombstone] = []
  private var fragments: [Fragment] = []
  private var fragmentedCount = 0
  /// How many there were when cutting was last tried, with success or without.
  private var attemptedCount = 0

  private static let greatestUnfragmented = 32
  /// Some two thousand removals within one another.
  private static let greatestMergeWork = 1 << 22

  init() {}

  init(_ tombstones: [RangeTombstone]) {
    all = tombstones
    if all.count > Self.greatestUnfragmented { fragment() }
  }

  var isEmpty: Bool { all.isEmpty }
  var count: Int { all.count }

  mutating func insert(_ tombstone: RangeTombstone) {
    all.append(tombstone)
    // Only once there are as many again: cutting is so done a logarithmic number of times.
    if all.count - attemptedCount > max(Self.greatestUnfragmented, attemptedCount) { fragment() }
  }

  /// The sequence number of the newest removal that covers `key` and is not newer than `sequence`; 0 for
  /// none.
  func newestCovering(_ key: UnsafeRawBufferPointer, visibleAt sequence: UInt64) -> UInt64 {
    var newest: UInt64 = 0
    for tombstone in all[fragmentedCount...]
    where tombstone.sequence <= sequence && tombstone.sequence > newest && tombstone.covers(key) {
      newest = tombstone.sequence
    }
    if let fragment = fragment(containing: key),
      let found = fragment.sequences.first(where: { $0 <= sequence })
    {
      newest = max(newest, found)
    }
    return newest
  }

  /// Whether some removal newer than `sequence` touches the range `[lower, upper)`.
  func hasRemoval(newerThan sequence: UInt64, from lower: [UInt8], to upper: [UInt8]?) -> Bool {
    all.contains { $0.sequence > sequence && $0.overlaps(from: lower, to: upper) }
  }

  /// The same removals cut into disjoint ranges, without those that a newer one hides from every snapshot.
  ///
  /// - Parameter snapshots: the sequence numbers of the live snapshots, ascending.
  func fragmented(snapshots: [UInt64]) -> [RangeTombstone] {
    var whole = self
    whole.fragment(greatestWork: Self.greatestMergeWork)
    // So many lie over one another that cutting them would take the square of their number. Uncut they say
    // the same.
    guard whole.fragmentedCount == all.count else { return all }
    var result: [RangeTombstone] = []
    // For each stripe, where in `result` the removal stands that the next fragment may continue.
    var openInStripe: [Int: Int] = [:]
    for fragment in whole.fragments {
      var seen: [Int: Int] = [:]
      for sequence in fragment.sequences {
        let stripe = EntrySieve.stripe(of: sequence, snapshots)
        if seen[stripe] != nil { continue }
        if let previous = openInStripe[stripe], result[previous].sequence == sequence,
          result[previous].upper == fragment.lower
        {
          result[previous].upper = fragment.upper
          seen[stripe] = previous
        } else {
          seen[stripe] = result.count
          result.append(RangeTombstone(lower: fragment.lower, upper: fragment.upper, sequence: sequence))
        }
      }
      openInStripe = seen
    }
    return result
  }

  private func fragment(containing key: UnsafeRawBufferPointer) -> Fragment? {
    var low = 0
    var high = fragments.count
    while low < high {
      let middle = (low + high) / 2
      let startsAfter = fragments[middle].lower.withUnsafeBytes { EntryOrder.compare($0, key) > 0 }
      if startsAfter { high = middle } else { low = middle + 1 }
    }
    guard low > 0 else { return nil }
    let candidate = fragments[low - 1]
    guard let upper = candidate.upper else { return candidate }
    return upper.withUnsafeBytes { EntryOrder.compare(key, $0) < 0 } ? candidate : nil
  }

  /// One sweep over all borders, with the removals that are open at each.
  ///
  /// Removals that all overlap would cost the square of their number: where they take more than
  /// `greatestWork` steps they stay uncut, and are looked through one by one.
  private mutating func fragment(greatestWork: Int? = nil) {
    let greatestWork = greatestWork ?? 4096 + 32 * all.count
    attemptedCount = all.count
    var borders: [[UInt8]] = []
    for tombstone in all {
      borders.append(tombstone.lower)
      if let upper = tombstone.upper { borders.append(upper) }
    }
    borders.sort { $0.lexicographicallyPrecedes($1) }
    let starts = all.sorted { $0.lower.lexicographicallyPrecedes($1.lower) }
    var result: [Fragment] = []
    var open: [RangeTombstone] = []
    var nextStart = 0
    var work = 0
    for (index, border) in borders.enumerated() where index == 0 || border != borders[index - 1] {
      open.removeAll { tombstone in
        guard let upper = tombstone.upper else { return false }
        return !border.lexicographicallyPrecedes(upper)
      }
      work += open.count
      if work > greatestWork { return }
      while nextStart < starts.count, starts[nextStart].lower == border {
        if !starts[nextStart].isEmpty { open.append(starts[nextStart]) }
        nextStart += 1
      }
      if let previous = result.last, previous.upper == nil { result[result.count - 1].upper = border }
      if !open.isEmpty {
        result.append(Fragment(lower: border, upper: nil, sequences: open.map(\.sequence).sorted(by: >)))
      }
    }
    fragments = result
    fragmentedCount = all.count
  }
}

extension RangeTombstone {
  var isEmpty: Bool {
    guard let upper else { return false }
    return !lower.lexicographicallyPrecedes(upper)
  }

  func covers(_ key: UnsafeRawBufferPointer) -> Bool {
    guard lower.withUnsafeBytes({ EntryOrder.compare($0, key) <= 0 }) else { return false }
    guard let upper else { return true }
    return upper.withUnsafeBytes { EntryOrder.compare(key, $0) < 0 }
  }

  func overlaps(from lower: [UInt8], to upper: [UInt8]?) -> Bool {
    if let upper, !self.lower.lexicographicallyPrecedes(upper) { return false }
    guard let end = self.upper else { return true }
    return lower.lexicographicallyPrecedes(end)
  }
}
