import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// Where a version has room, and how deep its level 0 is, against a look at every key.
@Suite struct PlacementTests {
  private static let keys: [[UInt8]] = (0..<24).flatMap { [[$0], [$0, 0]] }

  private static func bounds(
    _ random: inout SeededGenerator
  ) -> (lower: [UInt8], upper: SegmentProperties.UpperBound) {
    let lower = UInt8(random.below(20))
    let upper = lower + UInt8(random.below(4))
    switch random.below(8) {
    case 0: return ([lower], .unbounded)
    case 1...3: return ([lower], .exclusive([upper + 1]))
    default: return ([lower], .inclusive([upper]))
    }
  }

  /// Segments beside each other in level 0 must stop no writer, those over one another must.
  @Test(arguments: 1...40 as ClosedRange<UInt64>) func levelZeroIsAsDeepAsItsDeepestKey(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var forest = Forest()
    #expect(forest.version.levelZeroDepth == 0)
    for _ in 0..<random.below(12) {
      let (lower, upper) = Self.bounds(&random)
      let isFlushed = forest.flush(lower, upper)
      #expect(isFlushed)
    }
    let depths = Self.keys.map { key in
      forest.version.levels[0].filter { $0.properties.mayContain(key) }.count
    }
    #expect(forest.version.levelZeroDepth == depths.max())
  }

  @Test(arguments: 1...40 as ClosedRange<UInt64>) func theDeepestLevelIsUnderNothing(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var forest = Forest()
    for _ in 0..<30 {
      let (lower, upper) = Self.bounds(&random)
      forest.sequence += 1
      let properties = SegmentProperties(forest.nextNumber, lower, upper, sequence: forest.sequence)
      forest.nextNumber += 1
      func isTaken(_ level: Int) -> Bool {
        forest.version.levels[level].contains { segment in
          Self.keys.contains { segment.properties.mayContain($0) && properties.mayContain($0) }
        }
      }
      let level = forest.version.deepestLevel(forNewest: properties.range)
      #expect(level == 0 || (0...level).allSatisfy { !isTaken($0) })
      #expect(level == VersionEdit.levelCount - 1 || isTaken(level + 1) || isTaken(level))
      var edit = VersionEdit()
      edit.lastSequence = forest.sequence
      edit.addedSegments = [.init(level: level, properties: properties)]
      let isApplied = forest.apply(edit)
      #expect(isApplied)
    }
  }
}
