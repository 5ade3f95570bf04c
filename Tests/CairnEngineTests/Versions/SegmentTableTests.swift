import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct SegmentTableTests {
  /// Bounds that share their first eight bytes, or do not; inclusive, exclusive and none.
  @Test(arguments: 1...16 as ClosedRange<UInt64>) func segmentsAreFoundByTheirBoundsFromTheNewest(
    seed: UInt64
  ) throws {
    var random = SeededGenerator(seed: seed)
    let prefix = random.bytes([0, 4, 8, 12][random.below(4)])
    func bound(_ bytes: [UInt8]) -> SegmentProperties.UpperBound {
      random.isHit(oneIn: 2) ? .inclusive(bytes) : .exclusive(bytes + [0])
    }
    var forest = Forest()
    for level in 0..<4 where !random.isHit(oneIn: 4) {
      var lower: UInt8 = 0
      while lower < 200 {
        lower += UInt8(random.below(20))
        let upper = lower + UInt8(random.below(20))
        let isAdded = forest.flush(
          prefix + [lower], upper >= 200 && random.isHit(oneIn: 2) ? .unbounded : bound(prefix + [upper]),
          level: level)
        #expect(isAdded)
        // Those of level 0 may overlap, the others not.
        lower = level == 0 ? UInt8(random.below(Int(upper) + 1)) : upper + 1
        if level == 0, random.isHit(oneIn: 6) { break }
      }
    }
    let levels = forest.version.levels
    let deepest = levels.lastIndex { !$0.isEmpty }
    for number in 0..<600 {
      let key =
        number % 5 == 0 ? random.bytes(random.below(14)) : prefix + random.bytes(1 + random.below(2))
      let expected = levels.enumerated().flatMap { level, segments in
        segments.filter { $0.properties.mayContain(key) }.map { ($0.number, level == deepest && level > 0) }
      }
      var seen: [(UInt64, Bool)] = []
      let found: Int? = try withBytes(of: key) { (key) throws(StorageError) in
        try forest.version.table.firstFound(key) { segment, isLast in
          seen.append((segment.number, isLast))
          return nil
        }
      }
      #expect(found == nil)
      #expect(seen.map(\.0) == expected.map(\.0), "seed \(seed)")
      #expect(seen.map(\.1) == expected.map(\.1), "seed \(seed)")
      // What is found ends it, and what is thrown comes through.
      if let first = expected.first {
        let found = try withBytes(of: key) { (key) throws(StorageError) in
          try forest.version.table.firstFound(key) { segment, _ in segment.number }
        }
        #expect(found == first.0)
        #expect(throws: StorageError.self) {
          try withBytes(of: key) { (key) throws(StorageError) in
            try forest.version.table.firstFound(key) { (_, _) throws(StorageError) -> Int? in
              throw StorageError(.corruption, "")
            }
          }
        }
      }
    }
  }
}
