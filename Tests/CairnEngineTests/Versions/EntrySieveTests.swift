import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct EntrySieveTests {
  /// What a compaction carries over shows every snapshot, and the present, what they saw before.
  @Test(arguments: 1...60 as ClosedRange<UInt64>) func noReaderSeesADifference(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let keys = VersionedModel.keys(16, &random)
    let hasDeeper = random.isHit(oneIn: 2)
    let deeper = hasDeeper ? VersionedModel.random(40, first: 1, keys: keys, &random) : VersionedModel()
    let upper = VersionedModel.random(200, first: 41, keys: keys, &random)
    let snapshots = Set((0..<random.below(4)).map { _ in UInt64(40 + random.below(205)) }).sorted()

    func isDeepest(_ range: KeyRange) -> Bool {
      !deeper.entries.contains { range.contains($0.key) } && deeper.tombstones.isEmpty
    }
    let removals = RangeTombstoneSet(upper.tombstones)
    var sieve = EntrySieve(snapshots: snapshots, removals: removals) { isDeepest(.key([UInt8]($0))) }
    var after = VersionedModel()
    let cursor = MergingCursor([Memtable(upper.entries).makeCursor()])
    try cursor.seekToFirst()
    while let entry = cursor.current {
      if sieve.keeps(cursor.key, cursor.trailer) { after.entries.append(entry) }
      try cursor.next()
    }
    after.tombstones = removals.fragmented(snapshots: snapshots).filter {
      !isDeepest(KeyRange(from: $0.lower, to: $0.upper))
        || EntrySieve.stripe(of: $0.sequence, snapshots) != 0
    }

    func both(_ model: VersionedModel) -> VersionedModel {
      VersionedModel(
        entries: deeper.entries + model.entries, tombstones: deeper.tombstones + model.tombstones)
    }
    for snapshot in snapshots + [300] {
      #expect(both(after).visible(at: snapshot) == both(upper).visible(at: snapshot))
    }
    // A transaction that read at a live snapshot still finds that a key was changed since.
    for snapshot in snapshots {
      for key in keys {
        #expect(Self.isChanged(key, since: snapshot, after) == Self.isChanged(key, since: snapshot, upper))
      }
    }
    // Nothing is kept for nobody: one version a stripe, and no removal that has nothing to hide.
    for key in keys {
      let kept = after.entries.filter { $0.key == key }
      let stripes = kept.map { entry in snapshots.filter { $0 < entry.trailer.sequence }.count }
      #expect(Set(stripes).count == stripes.count)
      #expect(
        !kept.contains { $0.trailer.kind == .removal && isDeepest(.key(key)) } || stripes.contains { $0 > 0 })
    }
  }

  private static func isChanged(_ key: [UInt8], since snapshot: UInt64, _ model: VersionedModel) -> Bool {
    model.entries.contains { $0.key == key && $0.trailer.sequence > snapshot }
      || model.tombstones.contains {
        $0.sequence > snapshot && KeyRange(from: $0.lower, to: $0.upper).contains(key)
      }
  }

  @Test func aStripeIsWhatTheSameSnapshotsSee() {
    let snapshots: [UInt64] = [10, 20]
    let stripes = [1, 10, 11, 20, 21, .max].map { EntrySieve.stripe(of: $0, snapshots) }
    #expect(stripes == [0, 0, 1, 1, 2, 2])
    #expect(EntrySieve.stripe(of: 5, []) == 0)
  }
}
