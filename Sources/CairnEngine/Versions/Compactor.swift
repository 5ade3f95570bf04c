import CairnKV
import Synchronization

/// Merges segments down the levels, one compaction at a time.
final class Compactor: Sendable {
  private let tree: Tree
  private let random: any RandomSource
  private let segmentOptions: SegmentOptions
  private let segmentBytes: Int
  private let picker: Mutex<CompactionPicker>

  init(
    tree: Tree, random: any RandomSource, segmentOptions: SegmentOptions, segmentBytes: Int,
    picker: CompactionPicker
  ) {
    self.tree = tree
    self.random = random
    self.segmentOptions = segmentOptions
    self.segmentBytes = segmentBytes
    self.picker = Mutex(picker)
  }

  /// - Returns: whether a compaction was due. Only from one thread at a time.
  func compactOnce() throws(StorageError) -> Bool {
    let begun = tree.beginCompaction { version in picker.withLock { $0.pick(version) } }
    guard let (compaction, version) = begun else { return false }
    defer { tree.endCompaction() }
    var edit = VersionEdit()
    edit.removedSegments = compaction.inputs.map(\.number)
    let target = compaction.targetLevel
    if compaction.isTrivialMove {
      edit.addedSegments = compaction.upper.map { .init(level: target, properties: $0.properties) }
    } else {
      let written = try merge(compaction, version)
      edit.addedSegments = written.segments.map { .init(level: target, properties: $0) }
      // A record is written for one entry, and an entry is in one segment. (A log that is replayed may put an
      // entry into a second segment, but then with a record of its own.) A merge reads each entry of its
      // inputs once, and either hands it to one output or drops it here, by the edit that takes the inputs
      // away: so each record is dropped at most once, and as soon as nothing refers to it.
      guard let drops = ValueDrops.grouped(written.dropped) else {
        throw StorageError(.internalInconsistency, "two entries refer to one record of a value file")
      }
      edit.valueDrops = drops
    }
    try tree.apply(edit)
    return true
  }

  private func merge(
    _ compaction: Compaction, _ version: Version
  ) throws(StorageError) -> SegmentOutput.Written {
    let deeper = compaction.level + 2
    let snapshots = tree.snapshots.live
    var removals: [RangeTombstone] = []
    var sources: [SourceCursor] = []
    for segment in compaction.inputs where segment.hasRangeRemovals {
      removals += try segment.reader().removals.all
    }
    if compaction.level == 0 {
      for segment in compaction.upper { sources.append(try segment.reader().makeCursor()) }
    } else {
      sources.append(LevelCursor(compaction.upper))
    }
    sources.append(LevelCursor(compaction.lower))
    let removalSet = RangeTombstoneSet(removals)
    let sieve = EntrySieve(snapshots: snapshots, removals: removalSet) { key in
      (deeper..<max(deeper, VersionEdit.levelCount)).allSatisfy {
        version.segment(of: $0, containing: key) == nil
      }
    }
    let kept = removalSet.fragmented(snapshots: snapshots).filter { removal in
      let range = KeyRange(from: removal.lower, to: removal.upper)
      let isDeepest = (deeper..<max(deeper, VersionEdit.levelCount)).allSatisfy {
        version.segments(of: $0, overlapping: range).isEmpty
      }
      return !(isDeepest && EntrySieve.stripe(of: removal.sequence, snapshots) == 0)
    }
    let output = SegmentOutput(
      directory: tree.directory, random: random, segmentOptions: segmentOptions, targetBytes: segmentBytes,
      allocateFileNumber: tree.allocateFileNumber)
    return try output.write(MergingCursor(sources), sieve, removals: kept)
  }
}
