import CairnKV
import CairnTesting

@testable import CairnEngine

/// A tree of segments without files: picks compactions and does what they say to the list.
struct Forest {
  var state = VersionState(storeIdentity: [])
  var version = Version(levels: Array(repeating: [], count: VersionEdit.levelCount))
  var picker = CompactionPicker(levelZeroSegments: 4, levelOneBytes: 4000)
  var nextNumber: UInt64 = 1
  var sequence: UInt64 = 0

  private let directory = StoreDirectory(path: "/", fileSystem: SimulatedFileSystem())
  private let cache = BlockCache(capacityBytes: 1 << 20)

  /// - Parameter change: makes the properties of the segment what they should be, beside bounds and sequence.
  mutating func flush(
    _ lower: [UInt8], _ upper: SegmentProperties.UpperBound, level: Int = 0,
    _ change: (inout SegmentProperties) -> Void = { _ in }
  ) -> Bool {
    sequence += 1
    var edit = VersionEdit()
    edit.lastSequence = sequence
    var properties = SegmentProperties(nextNumber, lower, upper, sequence: sequence)
    change(&properties)
    edit.addedSegments = [.init(level: level, properties: properties)]
    nextNumber += 1
    return apply(edit)
  }

  func pick() -> Compaction? { picker.pick(version).compaction }

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
    if compaction.isMove {
      edit.addedSegments = compaction.upper.map {
        .init(level: compaction.targetLevel, properties: $0.properties)
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
    // Nothing is found below: the worst that can happen, but for a segment with nothing below it.
    let isCleaned = compaction.targetLevel == compaction.level
    whole.valueCount = inputs.reduce(0) { $0 + $1.valueCount }
    whole.removalCount = isCleaned ? 0 : inputs.reduce(0) { $0 + $1.removalCount }
    whole.tombstoneCount = isCleaned ? 0 : inputs.reduce(0) { $0 + $1.tombstoneCount }
    whole.supersededCount = isCleaned ? 0 : inputs.reduce(0) { $0 + $1.supersededCount }
    whole.referencedBytes = inputs.reduce(0) { $0 + $1.referencedBytes }
    whole.fileNumber = nextNumber
    whole.fileBytes = inputs.reduce(0) { $0 + $1.fileBytes }
    nextNumber += 1
    edit.addedSegments = [.init(level: compaction.targetLevel, properties: whole)]
    return edit
  }
}
