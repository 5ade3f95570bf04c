import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct CompactionPickerTests {
  @Test(arguments: 1...12 as ClosedRange<UInt64>) func noLevelEverHoldsAKeyTwice(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var forest = Forest()
    for _ in 0..<250 {
      let lower = random.bytes(2)
      let upper: SegmentProperties.UpperBound =
        random.isHit(oneIn: 60)
        ? .unbounded
        : random.isHit(oneIn: 3)
          ? .exclusive(lower + [1]) : .inclusive(lower + random.bytes(1))
      let isApplied = forest.flush(lower, upper)
      #expect(isApplied)
      var steps = 0
      while let compaction = forest.pick() {
        // Older than what stays above, newer than what stays below: else a read would stop too early.
        for input in compaction.upper where compaction.level == 0 {
          let left = forest.version.levels[0].filter { other in
            !compaction.upper.contains { $0 === other } && other.properties.overlaps(input.properties)
          }
          #expect(left.allSatisfy { $0.properties.largestSequence > input.properties.largestSequence })
        }
        guard forest.apply(forest.edit(compaction)) else {
          Issue.record(
            "seed \(seed): the outputs of a compaction of level \(compaction.level) overlap others")
          return
        }
        steps += 1
        if steps > 1000 {
          Issue.record("seed \(seed): compaction does not end")
          return
        }
      }
      for level in 0..<VersionEdit.levelCount - 1 { #expect(forest.picker.score(forest.version, level) < 1) }
    }
  }

  /// What level 0 refers to in value files counts once it is as much as a merge would write.
  @Test(
    arguments: [(99, 1, false), (100, 1, true), (100, 101, false), (150, 101, true)]
      as [(UInt64, UInt64, Bool)])
  func muchReferredToIsMergedEarly(referenced: UInt64, segmentBytes: UInt64, isDue: Bool) {
    var forest = Forest()
    forest.picker.levelZeroReferencedBytes = 100
    var edit = VersionEdit()
    edit.lastSequence = 1
    var properties = SegmentProperties(1, [1], .inclusive([2]), bytes: segmentBytes)
    properties.referencedBytes = referenced
    edit.addedSegments = [.init(level: 0, properties: properties)]
    let isApplied = forest.apply(edit)
    #expect(isApplied)
    #expect((forest.pick() != nil) == isDue)
  }

  @Test func whatIsLoadedInOrderIsOnlyMoved() {
    var forest = Forest()
    var moves = 0
    for number in 0..<200 {
      let key = [UInt8(number)]
      let isApplied2 = forest.flush(key, .inclusive(key + [255]))
      #expect(isApplied2)
      while let compaction = forest.pick() {
        #expect(compaction.isMove)
        let isApplied3 = forest.apply(forest.edit(compaction))
        #expect(isApplied3)
        moves += 1
      }
    }
    #expect(moves > 100)
    #expect(forest.version.levels[0].count < 4)
    #expect(forest.version.levels.joined().count == 200)
  }

  /// Several at once, where a newer one does not overlap an older one; the others stay, and are merged then.
  @Test func whatOverlapsNothingOlderIsMovedAtOnce() {
    var forest = Forest()
    forest.picker.levelOneBytes = 100_000
    for (lower, upper) in [(1, 3), (5, 6), (2, 4), (8, 9), (9, 9), (11, 12)] as [(UInt8, UInt8)] {
      let isApplied = forest.flush([lower], .inclusive([upper]))
      #expect(isApplied)
    }
    let first = forest.pick()
    #expect(first?.isMove == true)
    #expect(first?.upper.map(\.number).sorted() == [1, 2, 4, 6])
    let isMoved = first.map { forest.apply(forest.edit($0)) }
    #expect(isMoved == true)
    #expect(forest.version.levels[0].map(\.number) == [5, 3])
    #expect(forest.pick() == nil)
  }

  @Test func theLeastOverlapForItsSizeComesFirst() {
    var forest = Forest()
    for (index, bytes) in [2000, 3000, 1000].enumerated() as EnumeratedSequence<[UInt64]> {
      let isApplied = forest.flush([UInt8(index)], .inclusive([UInt8(index), 9]), level: 1) {
        $0.fileBytes = bytes
      }
      #expect(isApplied)
    }
    for (index, bytes) in [4000, 3000, 2100].enumerated() as EnumeratedSequence<[UInt64]> {
      let isApplied = forest.flush([UInt8(index), 5], .inclusive([UInt8(index), 6]), level: 2) {
        $0.fileBytes = bytes
      }
      #expect(isApplied)
    }
    #expect(forest.pick()?.upper.map(\.number) == [2])
    #expect(forest.pick()?.lower.map(\.number) == [5])
    // One that is half removals comes before that.
    let isApplied = forest.flush([3], .inclusive([3, 9]), level: 1) { $0.removalCount = 4 }
    #expect(isApplied)
    let isBelow = forest.flush([3, 1], .inclusive([3, 2]), level: 2) { $0.fileBytes = 5000 }
    #expect(isBelow)
    #expect(forest.pick()?.upper.map(\.number) == [7])
  }

  /// A move that would make the next compaction too large is no move.
  @Test func whatOverlapsMuchTwoLevelsDownIsWrittenAnew() {
    var forest = Forest()
    forest.picker.greatestOverlapBytes = 5000
    let isAbove = forest.flush([1], .inclusive([9]), level: 1) { $0.fileBytes = 4000 }
    #expect(isAbove)
    let isBelow = forest.flush([2], .inclusive([3]), level: 3) { $0.fileBytes = 5000 }
    #expect(isBelow)
    #expect(forest.pick()?.isMove == true)
    let isMore = forest.flush([4], .inclusive([5]), level: 3) { $0.fileBytes = 1 }
    #expect(isMore)
    #expect(forest.pick()?.isMove == false)
  }

  // MARK: Garbage

  private static var idle: CompactionPicker.Conditions { .init(isIdle: true) }

  /// A quiet store spares reads what was flushed, unless that is little beside what would have to be written anew.
  @Test(arguments: [
    (1, 0, false), (1, 1, true), (2, 0, true), (1, 4, true), (1, 5, false), (2, 8, true), (2, 9, false),
  ])
  func levelZeroIsMergedInAQuietWhile(segments: Int, below: UInt64, isMerged: Bool) {
    var forest = Forest()
    forest.picker.levelOneBytes = 1_000_000
    if below > 0 {
      let isBelow = forest.flush([0], .inclusive([9]), level: 1) { $0.fileBytes = 1000 * below }
      #expect(isBelow)
    }
    for _ in 0..<segments {
      let isAbove = forest.flush([1], .inclusive([8])) { $0.fileBytes = 1000 }
      #expect(isAbove)
    }
    #expect(forest.pick() == nil)
    let choice = forest.picker.pick(forest.version, Self.idle)
    #expect((choice.compaction?.level == 0) == isMerged)
    #expect(choice.isDue == false)
    #expect(forest.picker.mergesLevelZero(forest.version, isIdle: true) == isMerged)
    #expect(forest.picker.mergesLevelZero(forest.version, isIdle: false) == false)
  }

  @Test func removalsGoDownAlthoughThereIsRoom() throws {
    var forest = Forest()
    let isBelow = forest.flush([0], .inclusive([9]), level: 3) { $0.valueCount = 100 }
    let isAbove = forest.flush([1], .inclusive([2]), level: 1) { properties in
      properties.fileBytes = 10
      properties.valueCount = 1
      properties.removalCount = 60
    }
    #expect(isBelow && isAbove)
    let move = try #require(forest.pick())
    #expect((move.level, move.targetLevel, move.isMove) == (1, 2, true))
    let isMoved = forest.apply(forest.edit(move))
    #expect(isMoved)
    let merge = try #require(forest.pick())
    #expect((merge.level, merge.targetLevel, merge.isMove, merge.lower.count) == (2, 3, false, 1))
  }

  @Test func withNothingBelowTheyVanishWhereTheyAre() throws {
    var forest = Forest()
    let isApplied = forest.flush([1], .inclusive([2]), level: 2) { properties in
      properties.valueCount = 3
      properties.supersededCount = 2
    }
    #expect(isApplied)
    let compaction = try #require(forest.pick())
    #expect((compaction.level, compaction.targetLevel, compaction.isMove) == (2, 2, false))
    let isCleaned = forest.apply(forest.edit(compaction))
    #expect(isCleaned)
    #expect(forest.pick() == nil)
  }

  /// What a snapshot holds back is not touched, and the next look waits for the snapshot.
  @Test func snapshotsHoldGarbageBack() {
    var forest = Forest()
    let isApplied = forest.flush([1], .inclusive([2]), level: 2) { $0.removalCount = 9 }
    #expect(isApplied)
    let held = forest.picker.pick(forest.version, .init(oldestSnapshot: forest.sequence - 1))
    #expect(held.compaction == nil && held.isHeldBack)
    let free = forest.picker.pick(forest.version, .init(oldestSnapshot: forest.sequence))
    #expect(free.compaction != nil && !free.isHeldBack)
    let excluded = forest.picker.pick(forest.version, .init(excluded: [1]))
    #expect(excluded.compaction == nil && !excluded.isHeldBack)
  }

  /// Level 0 is merged in a quiet while if that may let something die, and the levels below it then.
  @Test func inAQuietWhileMoreIsWorthIt() throws {
    var forest = Forest()
    let isBelow = forest.flush([1], .inclusive([9]), level: 2) { $0.referencedBytes = 100_000 }
    let isPlain = forest.flush([1], .inclusive([2])) { _ in }
    #expect(isBelow && isPlain)
    #expect(forest.picker.pick(forest.version, Self.idle).compaction == nil)
    let isReferring = forest.flush([1], .inclusive([2])) { $0.referencedBytes = 1 }
    #expect(isReferring)
    #expect(forest.pick() == nil)
    var levels: [Int] = []
    while let compaction = forest.picker.pick(forest.version, Self.idle).compaction {
      levels.append(compaction.level)
      let isApplied = forest.apply(forest.edit(compaction))
      try #require(isApplied && levels.count < 10)
    }
    #expect(levels == [0, 0, 1])
    #expect(forest.version.levels.map(\.count) == [0, 0, 1, 0, 0, 0, 0])
  }

  /// With garbage of every kind, estimates that promise far too much, and any snapshot: it comes to an end.
  @Test(arguments: 1...20 as ClosedRange<UInt64>) func compactionAlwaysEnds(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var forest = Forest()
    for _ in 0..<120 {
      let lower = random.bytes(2)
      let isApplied = forest.flush(lower, .inclusive(lower + random.bytes(1))) { properties in
        properties.fileBytes = UInt64(1 + random.below(3000))
        properties.valueCount = UInt64(1 + random.below(50))
        if random.isHit(oneIn: 2) { properties.removalCount = UInt64(random.below(50)) }
        if random.isHit(oneIn: 4) { properties.tombstoneCount = UInt64(random.below(5)) }
        if random.isHit(oneIn: 4) { properties.supersededCount = UInt64(random.below(30)) }
        if random.isHit(oneIn: 2) { properties.referencedBytes = UInt64(random.below(1 << 20)) }
      }
      #expect(isApplied)
      var conditions = CompactionPicker.Conditions()
      conditions.isIdle = random.isHit(oneIn: 2)
      conditions.oldestSnapshot =
        random.isHit(oneIn: 2) ? nil : UInt64(random.below(Int(forest.sequence) + 2))
      conditions.hiddenBytes = { _, _ in 1e12 }
      var steps = 0
      while let compaction = forest.picker.pick(forest.version, conditions).compaction {
        steps += 1
        guard steps < 2000, forest.apply(forest.edit(compaction)) else {
          Issue.record("seed \(seed): \(steps) compactions, level \(compaction.level)")
          return
        }
      }
    }
  }
}
