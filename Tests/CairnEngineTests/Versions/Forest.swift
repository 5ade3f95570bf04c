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
