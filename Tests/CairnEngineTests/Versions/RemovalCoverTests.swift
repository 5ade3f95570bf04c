import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct RemovalCoverTests {
  private static let keys: [[UInt8]] = {
    let bytes: [UInt8] = [0, 1, 2, 3, 4]
    return [[]] + bytes.map { [$0] } + bytes.flatMap { first in bytes.map { [first, $0] } }
  }()

  private static func key(_ random: inout SeededGenerator) -> [UInt8] { keys[random.below(keys.count)] }

  private static func sources(_ count: Int, _ random: inout SeededGenerator) -> [RemovalCover.Source] {
    (0..<count).map { number in
      // Some are empty; deeper ones are older, as in a tree.
      let level = random.below(4)
      let sequence = UInt64(1 + (3 - level) * 10 + random.below(10))
      return RemovalCover.Source(
        removal: RangeTombstone(
          lower: key(&random), upper: random.isHit(oneIn: 9) ? nil : key(&random), sequence: sequence),
        level: level)
    }
  }

  private static func segment(_ random: inout SeededGenerator) -> SegmentProperties {
    let bounds = [key(&random), key(&random)].sorted { $0.lexicographicallyPrecedes($1) }
    let upper: SegmentProperties.UpperBound =
      switch random.below(6) {
      case 0: .unbounded
      case 1, 2: .exclusive(bounds[1] + [0])
      default: .inclusive(bounds[1])
      }
    return SegmentProperties(1, bounds[0], upper, sequence: UInt64(random.below(45)))
  }

  /// What covers changes at bounds alone: so a look at each bound within the segment decides.
  private static func isCovered(
    _ properties: SegmentProperties, level: Int, by sources: [RemovalCover.Source]
  ) -> Bool {
    let bounds = sources.flatMap { [$0.removal.lower, $0.removal.upper ?? []] } + [properties.lowerBound]
    return bounds.filter { properties.mayContain($0) }.allSatisfy { key in
      let covering = sources.filter { source in key.withUnsafeBytes { source.removal.covers($0) } }
      // Of two with one number, which are the same removal, the upper one is met first.
      let top = covering.max { ($0.removal.sequence, -$0.level) < ($1.removal.sequence, -$1.level) }
      guard let top else { return false }
      return top.removal.sequence > properties.largestSequence && top.level <= level
    }
  }

  @Test(arguments: [0, 1, 2, 5, 9, 30], 1...20 as ClosedRange<UInt64>)
  func aSegmentIsCoveredWithoutAGap(count: Int, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let sources = Self.sources(count, &random)
    let cover = RemovalCover(sources)
    for _ in 0..<200 {
      let properties = Self.segment(&random)
      let level = random.below(5)
      #expect(
        cover.covers(properties, level: level) == Self.isCovered(properties, level: level, by: sources),
        "seed \(seed): \(properties.lowerBound) to \(properties.upperBound)")
    }
  }

  @Test(arguments: [0, 1, 4, 12, 40], 1...20 as ClosedRange<UInt64>)
  func aLevelIsLookedThroughWhole(count: Int, seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let cover = RemovalCover(Self.sources(count, &random))
    var forest = Forest()
    var edit = VersionEdit()
    edit.lastSequence = 100
    var properties: [SegmentProperties] = []
    for (number, key) in Self.keys.enumerated() where random.isHit(oneIn: 2) {
      properties.append(
        .init(UInt64(number + 1), key, .inclusive(key + [0, 0]), sequence: UInt64(random.below(45))))
    }
    // Keys within one another cannot be neighbours.
    properties = properties.reduce(into: []) { list, next in
      if list.last.map({ $0.upperBound.isBefore(next.lowerBound) }) ?? true { list.append(next) }
    }
    edit.addedSegments = properties.map { .init(level: 2, properties: $0) }
    let isApplied = forest.apply(edit)
    try #require(isApplied)
    let found = cover.covered(of: forest.version.levels[2], level: 2).map(\.number)
    #expect(found == properties.filter { cover.covers($0, level: 2) }.map(\.fileNumber), "seed \(seed)")
  }

  /// Thousands within one another, which have a square of overlaps, are one piece each.
  @Test func removalsWithinOneAnotherCostNoSquare() {
    let count = 20_000
    func key(_ number: Int) -> [UInt8] {
      [UInt8(number >> 16), UInt8(number >> 8 & 255), UInt8(number & 255)]
    }
    let nested = (0..<count).map { number in
      RemovalCover.Source(
        removal: RangeTombstone(
          lower: key(number), upper: key(3 * count - number), sequence: UInt64(number + 1)), level: 1)
    }
    let cover = RemovalCover(nested)
    #expect(cover.count == 2 * count - 1)
    #expect(cover.covers(.init(1, key(0), .exclusive(key(3 * count)), sequence: 0), level: 1))
    #expect(!cover.covers(.init(1, key(0), .inclusive(key(3 * count)), sequence: 0), level: 1))
    #expect(!cover.covers(.init(1, key(5), .inclusive(key(9)), sequence: 6), level: 1))
    #expect(cover.covers(.init(1, key(6), .inclusive(key(9)), sequence: 6), level: 1))
  }
}
