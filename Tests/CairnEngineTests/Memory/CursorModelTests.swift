import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// Entries and range removals as plain arrays, and what a reader sees of them.
struct VersionedModel {
  var entries: [ModelEntry] = []
  var tombstones: [RangeTombstone] = []

  /// What a reader at `snapshot` sees of a range; what carries a transaction's own numbers, it sees too.
  func visible(at snapshot: UInt64, in range: KeyRange = .all) -> [KeyValue] {
    func isSeen(_ sequence: UInt64) -> Bool {
      sequence <= snapshot || sequence >= EntryTrailer.firstOwnSequence
    }
    var newest: [[UInt8]: ModelEntry] = [:]
    for entry in entries where isSeen(entry.trailer.sequence) && range.contains(entry.key) {
      if let other = newest[entry.key], other.trailer.sequence > entry.trailer.sequence { continue }
      newest[entry.key] = entry
    }
    return newest.values.filter { entry in
      entry.trailer.kind == .value
        && !tombstones.contains { tombstone in
          isSeen(tombstone.sequence) && tombstone.sequence > entry.trailer.sequence
            && KeyRange(from: tombstone.lower, to: tombstone.upper).contains(entry.key)
        }
    }
    .map { KeyValue(key: $0.key, value: $0.value) }
    .sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }

  /// `count` operations with ascending sequence numbers from `first` on, over few keys.
  static func random(
    _ count: Int, first: UInt64, keys: [[UInt8]], _ random: inout SeededGenerator
  ) -> VersionedModel {
    var model = VersionedModel()
    for sequence in first..<first + UInt64(count) {
      let key = keys[random.below(keys.count)]
      switch random.below(20) {
      case 0:
        let other = keys[random.below(keys.count)]
        let bounds = [key, other].sorted { $0.lexicographicallyPrecedes($1) }
        let tombstone = RangeTombstone(
          lower: bounds[0], upper: random.isHit(oneIn: 4) ? nil : bounds[1] + [0], sequence: sequence)
        model.tombstones.append(tombstone)
      case 1...4:
        model.entries.append(
          ModelEntry(key: key, trailer: EntryTrailer(sequence: sequence, kind: .removal), value: []))
      default:
        let trailer = EntryTrailer(sequence: sequence, kind: .value)
        model.entries.append(
          ModelEntry(key: key, trailer: trailer, value: random.bytes(random.below(6))))
      }
    }
    return model
  }

  static func keys(_ count: Int, _ random: inout SeededGenerator) -> [[UInt8]] {
    (0..<count).map { _ in random.key(longest: 4) }
  }
}

@Suite struct CursorModelTests {
  @Test(arguments: 1...12 as ClosedRange<UInt64>) func aMergeWalksLikeOneSortedArray(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let count = 1 + random.below(6)
    let keys = VersionedModel.keys(60, &random)
    let model = VersionedModel.random(300, first: 1, keys: keys, &random)
    var parts = [[ModelEntry]](repeating: [], count: count)
    // Clusters, so that a source is left and come back to.
    var part = 0
    for entry in model.entries.sorted(by: ModelEntry.precedes) {
      if random.isHit(oneIn: 3) { part = random.below(count) }
      parts[part].append(entry)
    }
    let sources = try parts.map { entries -> SourceCursor in
      if entries.isEmpty || random.isHit(oneIn: 2) { return Memtable(entries).makeCursor() }
      let bytes = try SegmentModel(entries: entries).bytes(options: SegmentOptions(blockBytes: 200))
      return try SegmentReader(bytes).makeCursor()
    }
    let sorted = model.entries.sorted(by: ModelEntry.precedes)
    let cursor = MergingCursor(sources)
    #expect(try cursor.allForward() == sorted)
    #expect(try cursor.allBackward() == sorted.reversed())

    var place = -1
    var bias = 2
    for _ in 0..<2500 {
      if random.isHit(oneIn: 30) { bias = 1 + random.below(3) }
      if !sorted.indices.contains(place) || random.isHit(oneIn: 40) {
        let key = random.isHit(oneIn: 2) ? keys[random.below(keys.count)] : random.key(longest: 4)
        let trailer =
          random.isHit(oneIn: 2) ? .newest : EntryTrailer.newest(visibleAt: UInt64(random.below(300)))
        switch random.below(4) {
        case 0:
          try cursor.seekToFirst()
          place = 0
        case 1:
          try cursor.seekToLast()
          place = sorted.count - 1
        case 2:
          try cursor.seek(atOrAfter: key, trailer)
          place = sorted.lowerBound(key, trailer)
        default:
          try cursor.seek(before: key, trailer)
          place = sorted.lowerBound(key, trailer) - 1
        }
      } else if random.below(4) < bias {
        try cursor.next()
        place += 1
      } else {
        try cursor.previous()
        place -= 1
      }
      let expected = sorted.indices.contains(place) ? sorted[place] : nil
      guard cursor.current == expected else {
        Issue.record("seed \(seed): the merge stands elsewhere than the model")
        return
      }
    }
  }

  @Test(arguments: 1...16 as ClosedRange<UInt64>) func aReaderSeesTheNewestVersions(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let keys = VersionedModel.keys(18, &random)
    let stored = VersionedModel.random(300, first: 1, keys: keys, &random)
    let own =
      random.isHit(oneIn: 2)
      ? VersionedModel.random(15, first: EntryTrailer.firstOwnSequence, keys: keys, &random)
      : VersionedModel()
    var memtables = (0..<3).map { _ in Memtable([]) }
    for entry in stored.entries { memtables[random.below(3)].insert(entry) }
    for tombstone in stored.tombstones { memtables[random.below(3)].insert(tombstone) }
    memtables.append(Memtable(own.entries, own.tombstones))
    let both = VersionedModel(
      entries: stored.entries + own.entries, tombstones: stored.tombstones + own.tombstones)

    for _ in 0..<40 {
      let snapshot = UInt64(random.below(310))
      let bounds = [keys[random.below(keys.count)], random.key(longest: 3)]
        .sorted { $0.lexicographicallyPrecedes($1) }
      let range = KeyRange(
        from: random.isHit(oneIn: 3) ? [] : bounds[0], to: random.isHit(oneIn: 3) ? nil : bounds[1])
      if range.isEmpty { continue }
      var cursor = VisibleCursor(
        MergingCursor(memtables.map { $0.makeCursor() }), snapshot: snapshot, newestOwn: .max,
        removals: memtables.enumerated().map { index, memtable in
          .init(tombstones: memtable.rangeRemovals, visibleAt: index == 3 ? .max : snapshot)
        }, range: range)
      let expected = both.visible(at: snapshot, in: range)
      try cursor.seekToFirst()
      #expect(try Self.rest(&cursor) == expected)
      try cursor.seekToLast()
      #expect(try Self.rest(&cursor) == expected.reversed())
    }
  }

  /// The same of one segment alone, without a merge; with keys that differ within their first eight bytes, after them,
  /// and both.
  @Test(arguments: 1...24 as ClosedRange<UInt64>) func aReaderOfOneSegmentSeesThem(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let prefix = random.bytes([0, 3, 8, 17][random.below(4)])
    let keys = VersionedModel.keys(40, &random).map { key in
      prefix + key + (random.isHit(oneIn: 3) ? [UInt8](repeating: 7, count: random.below(20)) : [])
    }
    var model = VersionedModel.random(400, first: 1, keys: keys, &random)
    if random.isHit(oneIn: 2) { model.tombstones = [] }
    let segment = SegmentModel(
      entries: model.entries.sorted(by: ModelEntry.precedes), tombstones: model.tombstones)
    let reader = try SegmentReader(
      segment.bytes(options: SegmentOptions(blockBytes: [200, 4096][random.below(2)])))
    for _ in 0..<60 {
      let snapshot = UInt64(random.below(410))
      let bounds = [keys[random.below(keys.count)], keys[random.below(keys.count)] + random.key(longest: 2)]
        .sorted { $0.lexicographicallyPrecedes($1) }
      let range = KeyRange(
        from: random.isHit(oneIn: 3) ? [] : bounds[0], to: random.isHit(oneIn: 3) ? nil : bounds[1])
      if range.isEmpty { continue }
      var cursor = VisibleCursor(
        reader.makeCursor(), snapshot: snapshot,
        removals: model.tombstones.isEmpty ? [] : [.init(tombstones: reader.removals, visibleAt: snapshot)],
        range: range)
      let expected = model.visible(at: snapshot, in: range)
      try cursor.seekToFirst()
      #expect(try Self.rest(&cursor) == expected)
      try cursor.seekToLast()
      #expect(try Self.rest(&cursor) == expected.reversed())
    }
  }

  private static func rest(_ cursor: inout VisibleCursor) throws -> [KeyValue] {
    var result: [KeyValue] = []
    while cursor.isValid {
      result.append(try cursor.entry)
      try cursor.advance()
    }
    return result
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>) func aMemtableFindsTheNewestVisibleEntry(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let keys = VersionedModel.keys(20, &random)
    let model = VersionedModel.random(300, first: 1, keys: keys, &random)
    let memtable = Memtable(model.entries, model.tombstones)
    for key in keys + [[9, 9]] {
      let versions = model.entries.filter { $0.key == key }.map(\.trailer.sequence)
      #expect(key.withUnsafeBytes { memtable.newestSequence(of: $0) } == versions.max() ?? 0)
      for snapshot in stride(from: 0, through: 310, by: 7) {
        let found = key.withUnsafeBytes { memtable.find($0, visibleAt: UInt64(snapshot)) }
        let expected = model.entries.last { $0.key == key && $0.trailer.sequence <= UInt64(snapshot) }
        #expect(found?.sequence == expected?.trailer.sequence)
        #expect(found.map { [UInt8]($0.value) } == expected?.value)
      }
    }
    #expect(memtable.newestSequence == 300)
  }
}
