import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct RangeTombstoneSetTests {
  /// Every key that can make a difference between the bounds drawn here.
  private static let keys: [[UInt8]] = {
    let bytes: [UInt8] = [0, 1, 2, 3]
    return [[]] + bytes.map { [$0] } + bytes.flatMap { first in bytes.map { [first, $0] } }
      + bytes.flatMap { [[$0, 3, 0], [$0, 3, 3]] }
  }()

  private static func tombstones(_ count: Int, _ random: inout SeededGenerator) -> [RangeTombstone] {
    (0..<count).map { _ in
      // Some of them are empty.
      RangeTombstone(
        lower: keys[random.below(keys.count)],
        upper: random.isHit(oneIn: 6) ? nil : keys[random.below(keys.count)],
        sequence: 1 + UInt64(random.below(60)))
    }
  }

  private static func covers(_ tombstone: RangeTombstone, _ key: [UInt8]) -> Bool {
    !key.lexicographicallyPrecedes(tombstone.lower)
      && (tombstone.upper.map { key.lexicographicallyPrecedes($0) } ?? true)
  }

  private static func newest(
    _ tombstones: [RangeTombstone], covering key: [UInt8], visibleAt sequence: UInt64
  ) -> UInt64 {
    tombstones.filter { covers($0, key) && $0.sequence <= sequence }.map(\.sequence).max() ?? 0
  }

  @Test(arguments: [0, 1, 5, 32, 33, 34, 70, 120], [1, 2, 3] as [UInt64])
  func theNewestCoveringOneIsFound(count: Int, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let tombstones = Self.tombstones(count, &random)
    var grown = RangeTombstoneSet()
    for tombstone in tombstones { grown.insert(tombstone) }
    for set in [grown, RangeTombstoneSet(tombstones)] {
      #expect(set.count == count)
      #expect(set.isEmpty == (count == 0))
      for key in Self.keys {
        for sequence in [0, 1, 17, 40, 60, EntryTrailer.greatestSequence] as [UInt64] {
          let found = key.withUnsafeBytes { set.newestCovering($0, visibleAt: sequence) }
          #expect(found == Self.newest(tombstones, covering: key, visibleAt: sequence))
        }
      }
    }
  }

  @Test(arguments: [0, 1, 5, 40, 90], 1...6 as ClosedRange<UInt64>)
  func fragmentsHideTheSameFromEverySnapshot(count: Int, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let tombstones = Self.tombstones(count, &random)
    let snapshots = Set((0..<random.below(5)).map { _ in UInt64(random.below(60)) }).sorted()
    let fragments = RangeTombstoneSet(tombstones).fragmented(snapshots: snapshots)
    for key in Self.keys {
      for sequence in snapshots + [EntryTrailer.greatestSequence] {
        #expect(
          Self.newest(fragments, covering: key, visibleAt: sequence)
            == Self.newest(tombstones, covering: key, visibleAt: sequence))
      }
      // One of each stripe at most: nothing is kept that no snapshot tells from what hides it.
      let stripes = fragments.filter { Self.covers($0, key) }.map { fragment in
        snapshots.filter { $0 < fragment.sequence }.count
      }
      #expect(Set(stripes).count == stripes.count)
    }
    #expect(fragments.allSatisfy { !$0.isEmpty })
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>) func aRemovalInARangeIsFound(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    // Without empty ones, which no batch holds.
    let tombstones = Self.tombstones(40, &random).filter { !$0.isEmpty }
    let set = RangeTombstoneSet(tombstones)
    for _ in 0..<500 {
      let lower = Self.keys[random.below(Self.keys.count)]
      let upper = random.isHit(oneIn: 5) ? nil : Self.keys[random.below(Self.keys.count)]
      if KeyRange(from: lower, to: upper).isEmpty { continue }
      let sequence = UInt64(random.below(62))
      let expected = tombstones.contains { tombstone in
        let first = tombstone.lower.lexicographicallyPrecedes(lower) ? lower : tombstone.lower
        let ends = [tombstone.upper, upper].compactMap { $0 }
        return tombstone.sequence > sequence && ends.allSatisfy { first.lexicographicallyPrecedes($0) }
      }
      #expect(set.hasRemoval(newerThan: sequence, from: lower, to: upper) == expected)
    }
  }

  /// Cutting removals that all lie within one another takes the square of their number: thousands of them stay
  /// uncut, and say the same.
  @Test func thousandsWithinOneAnotherStayUncut() {
    func key(_ number: Int) -> [UInt8] { withUnsafeBytes(of: UInt16(number).bigEndian) { [UInt8]($0) } }
    let count = 5000
    let nested = (0..<count).map {
      RangeTombstone(lower: key($0), upper: key(20_000 - $0), sequence: UInt64($0 + 1))
    }
    var grown = RangeTombstoneSet()
    for tombstone in nested { grown.insert(tombstone) }
    #expect(grown.fragmented(snapshots: []) == nested)
    for place in [0, 1, 700, 4999, 9000, 15_001, 19_999, 20_000] {
      let expected = nested.last { $0.lower <= key(place) && key(place) < ($0.upper ?? []) }?.sequence ?? 0
      let found = key(place).withUnsafeBytes { grown.newestCovering($0, visibleAt: .max) }
      #expect(found == expected, "\(place)")
    }
  }
}

private func <= (left: [UInt8], right: [UInt8]) -> Bool { !right.lexicographicallyPrecedes(left) }
private func < (left: [UInt8], right: [UInt8]) -> Bool { left.lexicographicallyPrecedes(right) }
