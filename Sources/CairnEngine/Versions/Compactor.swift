import CairnKV
import Synchronization

/// Merges segments down the levels, one compaction at a time.
final class Compactor: Sendable {
  private let tree: Tree
  private let random: any RandomSource
  private let segmentOptions: SegmentOptions
  private let segmentBytes: Int
  private let picker: CompactionPicker
  private let helper: CompressionThread?
  private let covered: Mutex<CoveredSegments> = Mutex(CoveredSegments())
  private let hidden: Mutex<HiddenBytes> = Mutex(HiddenBytes())
  /// Segments that could not be read: they are left alone until their level has to shrink.
  private let damaged = Mutex<Set<UInt64>>([])

  init(
    tree: Tree, random: any RandomSource, segmentOptions: SegmentOptions, segmentBytes: Int,
    picker: CompactionPicker, helper: CompressionThread? = nil
  ) {
    self.tree = tree
    self.random = random
    self.segmentOptions = segmentOptions
    self.segmentBytes = segmentBytes
    self.picker = picker
    self.helper = helper
  }

  /// By how much levels exceed their limits, together, and what is in level 0 while it is to be merged.
  func debtBytes(of version: Version, isIdle: Bool) -> UInt64 {
    let isMerged = picker.mergesLevelZero(version, isIdle: isIdle)
    return debtBytes(of: version) + (isMerged ? version.bytes(of: 0) : 0)
  }

  /// By how much the levels but the first exceed their limits, together.
  func debtBytes(of version: Version) -> UInt64 {
    version.levels.indices.dropFirst().dropLast().reduce(0) { sum, level in
      let score = picker.score(version, level)
      return score > 1 ? sum + UInt64(Double(version.bytes(of: level)) * (1 - 1 / score)) : sum
    }
  }

  /// What level 1 may hold.
  var levelOneBytes: UInt64 { picker.levelOneBytes }

  /// Does what is most needed: leaves out what range removals cover, relieves a level that is too large, gives
  /// space back.
  ///
  /// - Parameter isIdle: nothing was written for a while, so that what otherwise waits for more of its kind is
  ///   worth while as well: level 0 is merged although it is not full, if it holds removals, refers to value
  ///   files or is not small beside level 1, and removals go further down.
  /// - Returns: whether there was something to do. Only from one thread at a time.
  func compactOnce(isIdle: Bool = false) throws(StorageError) -> Bool {
    while true {
      // In this order: what a snapshot that is registered later sees is all of what the version has, or newer.
      let version = tree.state.version
      let snapshots = tree.snapshots.live
      if try leaveOutCovered(version, snapshots) { return true }
      let choice = pick(from: version, snapshots, isIdle: isIdle)
      guard let compaction = choice.compaction else {
        // If it has gone meanwhile, there is another look at once.
        return choice.isHeldBack && !tree.snapshots.awaitRelease(of: snapshots.prefix(1))
      }
      // The choice may read indexes, so it is made without a lock, and again if the version is another by now.
      guard tree.beginCompaction({ $0 === version ? compaction : nil }) != nil else { continue }
      defer { tree.endCompaction() }
      do throws(StorageError) {
        try run(compaction, version, snapshots)
      } catch {
        // Whoever has to shrink a level tries again, and reports it. What only saves space does not.
        if error.code == .corruption && !choice.isDue {
          damaged.withLock { $0.formUnion(compaction.inputs.map(\.number)) }
        }
        throw error
      }
      return true
    }
  }

  private func pick(
    from version: Version, _ snapshots: [UInt64], isIdle: Bool
  ) -> CompactionPicker.Choice {
    var conditions = CompactionPicker.Conditions()
    conditions.oldestSnapshot = snapshots.first
    conditions.isIdle = isIdle
    conditions.excluded = damaged.withLock { $0 }
    conditions.hiddenBytes = { segment, level in
      self.hidden.withLock { $0.estimate(of: segment, at: level, in: version) }
    }
    return picker.pick(version, conditions)
  }

  private func run(
    _ compaction: Compaction, _ version: Version, _ snapshots: [UInt64]
  ) throws(StorageError) {
    var edit = VersionEdit()
    edit.removedSegments = compaction.inputs.map(\.number)
    let target = compaction.targetLevel
    if compaction.isMove {
      edit.addedSegments = compaction.upper.map { .init(level: target, properties: $0.properties) }
    } else {
      let written = try merge(compaction, version, snapshots)
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
  }

  /// Takes the segments away that range removals cover, with the records that they refer to, by one edit.
  private func leaveOutCovered(_ version: Version, _ snapshots: [UInt64]) throws(StorageError) -> Bool {
    let found: CoveredSegments.Found
    do throws(StorageError) {
      found = try covered.withLock { (covered) throws(StorageError) in
        try covered.find(in: version, snapshots: snapshots)
      }
    } catch {
      // A segment whose removals cannot be read is reported by the compaction that needs them.
      return false
    }
    var edit = VersionEdit()
    var drops: [UInt64: ValueDrops] = [:]
    for segment in found.segments where !damaged.withLock({ $0.contains(segment.number) }) {
      let own: [ValueDrops]
      do throws(StorageError) {
        own = try references(of: segment)
      } catch {
        // Left to a compaction, which reports the error. Meanwhile the others can go.
        damaged.withLock { _ = $0.insert(segment.number) }
        continue
      }
      for added in own {
        guard drops[added.origin, default: ValueDrops(origin: added.origin)].formUnion(added) else {
          throw StorageError(.internalInconsistency, "two entries refer to one record of a value file")
        }
      }
      edit.removedSegments.append(segment.number)
    }
    let isAwaiting = !found.awaited.isEmpty && tree.snapshots.awaitRelease(of: found.awaited)
    if edit.removedSegments.isEmpty {
      // One of them went before it could be waited for.
      return !found.awaited.isEmpty && !isAwaiting
    }
    edit.valueDrops = drops.values.sorted { $0.origin < $1.origin }
    try tree.apply(edit)
    return true
  }

  /// The records that the entries of a segment refer to.
  private func references(of segment: SegmentFile) throws(StorageError) -> [ValueDrops] {
    if segment.properties.referencedBytes == 0 { return [] }
    var handles: [ValueHandle] = []
    let cursor = try segment.reader().makeCursor(fillsCache: false)
    try cursor.seekToFirst()
    while cursor.isValid {
      if cursor.trailer.kind == .handle {
        guard let handle = ValueHandle(decoding: cursor.value) else {
          throw StorageError(.internalInconsistency, "an entry's handle does not decode as it did before")
        }
        handles.append(handle)
      }
      try cursor.next()
    }
    guard let drops = ValueDrops.grouped(handles) else {
      throw StorageError(.internalInconsistency, "two entries refer to one record of a value file")
    }
    return drops
  }

  private func merge(
    _ compaction: Compaction, _ version: Version, _ snapshots: [UInt64]
  ) throws(StorageError) -> SegmentOutput.Written {
    var removals: [RangeTombstone] = []
    var sources: [SourceCursor] = []
    for segment in compaction.inputs where segment.hasRangeRemovals {
      removals += try segment.reader().removals.all
    }
    if compaction.level == 0 {
      for segment in compaction.upper {
        sources.append(try segment.reader().makeCursor(fillsCache: false))
      }
    } else {
      sources.append(LevelCursor(compaction.upper[...], fillsCache: false))
    }
    if !compaction.lower.isEmpty { sources.append(LevelCursor(compaction.lower[...], fillsCache: false)) }
    let removalSet = RangeTombstoneSet(removals)
    let deeper = compaction.targetLevel + 1
    let sieve = EntrySieve(snapshots: snapshots, removals: removalSet) { key in
      !version.mayContain(key, from: deeper)
    }
    let kept = removalSet.fragmented(snapshots: snapshots).filter { removal in
      let range = KeyRange(from: removal.lower, to: removal.upper)
      return EntrySieve.stripe(of: removal.sequence, snapshots) > 0 || version.overlaps(range, from: deeper)
    }
    var output = SegmentOutput(
      directory: tree.directory, random: random, segmentOptions: segmentOptions, targetBytes: segmentBytes,
      allocateFileNumber: tree.allocateFileNumber)
    output.below = version.segments(of: deeper, from: compaction.inputs.map(\.properties.lowerBound))
    output.greatestOverlapBytes = picker.greatestOverlapBytes
    output.helper = helper
    let source = sources.count == 1 ? sources[0] : MergingCursor(sources)
    return try output.write(source, sieve, removals: kept)
  }
}
