import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct CompactionPickerTests {
  /// A tree of segments without files: picks compactions and does what they say to the list.
  private struct Forest {
    var state = VersionState(storeIdentity: [])
    var version = Version(levels: Array(repeating: [], count: VersionEdit.levelCount))
    var picker = CompactionPicker(levelZeroSegments: 4, levelOneBytes: 4000)
    var nextNumber: UInt64 = 1
    var sequence: UInt64 = 0

    private let directory = StoreDirectory(path: "/", fileSystem: SimulatedFileSystem())
    private let cache = BlockCache(capacityBytes: 1 << 20)

    mutating func flush(_ lower: [UInt8], _ upper: SegmentProperties.UpperBound) -> Bool {
      sequence += 1
      var edit = VersionEdit()
      edit.lastSequence = sequence
      edit.addedSegments = [.init(level: 0, properties: .init(nextNumber, lower, upper, sequence: sequence))]
      nextNumber += 1
      return apply(edit)
    }

    mutating func apply(_ edit: VersionEdit) -> Bool {
      guard state.apply(edit) else { return false }
      let reclaimer = FileReclaimer(directory: directory, queue: InlineScheduler().makeQueue(label: ""))
      let openSegments = OpenSegments(directory: directory, cache: cache, fileLimit: 16)
      let openFiles = OpenValueFiles(directory: directory, cache: cache, fileLimit: 16)
      version = version.successor(
        state, makeValueFile: { ValueFile($0, openFiles: openFiles, reclaimer: reclaimer) },
        makeSegment: { SegmentFile($0, openSegments: openSegments, reclaimer: reclaimer) })
      return true
    }

    /// One output over all keys of the inputs: the worst that a merge may write, as removals of ranges reach
    /// from the first key to the last.
    mutating func edit(_ compaction: Compaction) -> VersionEdit {
      var edit = VersionEdit()
      edit.removedSegments = compaction.inputs.map(\.number)
      if compaction.isTrivialMove {
        edit.addedSegments = compaction.upper.map {
          .init(level: compaction.level + 1, properties: $0.properties)
        }
        return edit
      }
      let inputs = compaction.inputs.map(\.properties)
      var whole = inputs[0]
      for input in inputs {
        if input.lowerBound.lexicographicallyPrecedes(whole.lowerBound) {
          whole.lowerBound = input.lowerBound
        }
        if SegmentProperties.UpperBound.isLower(whole.upperBound, input.upperBound) {
          whole.upperBound = input.upperBound
        }
        whole.largestSequence = max(whole.largestSequence, input.largestSequence)
        whole.smallestSequence = min(whole.smallestSequence, input.smallestSequence)
      }
      whole.fileNumber = nextNumber
      whole.fileBytes = inputs.reduce(0) { $0 + $1.fileBytes }
      nextNumber += 1
      edit.addedSegments = [.init(level: compaction.level + 1, properties: whole)]
      return edit
    }
  }

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
      while let compaction = forest.picker.pick(forest.version) {
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
    #expect((forest.picker.pick(forest.version) != nil) == isDue)
  }

  @Test func whatIsLoadedInOrderIsOnlyMoved() {
    var forest = Forest()
    var moves = 0
    for number in 0..<200 {
      let key = [UInt8(number)]
      let isApplied2 = forest.flush(key, .inclusive(key + [255]))
      #expect(isApplied2)
      while let compaction = forest.picker.pick(forest.version) {
        #expect(compaction.isTrivialMove)
        let isApplied3 = forest.apply(forest.edit(compaction))
        #expect(isApplied3)
        moves += 1
      }
    }
    #expect(moves > 100)
    #expect(forest.version.levels[0].count < 4)
    #expect(forest.version.levels.joined().count == 200)
  }

  @Test func eachSegmentOfALevelHasItsTurn() {
    var forest = Forest()
    var edit = VersionEdit()
    edit.lastSequence = 9
    edit.addedSegments = (0..<8).map {
      .init(level: 1, properties: .init(UInt64($0 + 1), [UInt8($0)], .inclusive([UInt8($0), 9])))
    }
    let isApplied4 = forest.apply(edit)
    #expect(isApplied4)
    let picked = (0..<16).compactMap { _ in forest.picker.pick(forest.version)?.upper.first?.number }
    #expect(picked == Array(1...8) + Array(1...8))
  }
}
