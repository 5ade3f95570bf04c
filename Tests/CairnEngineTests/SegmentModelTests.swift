import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// A segment against a sorted array.
@Suite struct SegmentModelTests {
  struct Case: CustomTestStringConvertible {
    var seed: UInt64
    var count: Int
    var options: SegmentOptions
    var cacheBytes: Int
    var testDescription: String {
      "seed \(seed), \(count) entries, blocks of \(options.blockBytes), cache \(cacheBytes)"
    }
  }

  static let cases: [Case] = (0..<48).map { seed in
    Case(
      seed: seed, count: [1, 2, 30, 400, 1500][Int(seed % 5)],
      options: SegmentOptions(
        blockBytes: [1, 64, 300, 4096][Int(seed / 2 % 4)], compressionLevel: seed % 3 == 0 ? 1 : nil),
      cacheBytes: [0, 20_000, 1 << 24][Int(seed / 3 % 3)])
  }

  @Test(arguments: cases) func behavesLikeASortedArray(test: Case) throws {
    let model = SegmentModel(seed: test.seed, count: test.count)
    let file = MemoryFile()
    let written = try model.write(to: file, options: test.options)
    let reader = try SegmentReader(file.bytes, cacheBytes: test.cacheBytes)
    #expect(reader.properties == written)
    #expect(written.fileBytes == UInt64(file.bytes.count))
    #expect(reader.removals.all == model.tombstones.sorted(by: RangeRemovalBlock.precedes))
    try checkProperties(written, model)
    #expect(try reader.allEntries() == model.entries)

    let cursor = reader.makeCursor()
    try cursor.seekToLast()
    for entry in model.entries.reversed() {
      #expect(cursor.current == entry)
      let left = cursor.value
      try cursor.previous()
      overwriteFreedMemory()
      #expect([UInt8](left) == entry.value)
    }
    #expect(!cursor.isValid)
    try checkSeeks(reader, model, seed: test.seed)
    try checkWalk(reader, model, seed: test.seed)
  }

  /// A base is as if the segment had been written with greater numbers.
  @Test(arguments: 0..<12) func aBaseIsAddedToEverySequenceNumber(seed: Int) throws {
    let model = SegmentModel(seed: UInt64(seed), count: [1, 30, 400][seed % 3])
    let greatest = (model.entries.map(\.trailer.sequence) + model.tombstones.map(\.sequence)).max() ?? 0
    let bytes = try model.bytes(
      options: SegmentOptions(blockBytes: 300, compressionLevel: seed % 2 == 0 ? 1 : nil))
    func open(_ base: UInt64) throws -> SegmentReader {
      try SegmentReader(
        file: MemoryFile(bytes), fileNumber: SegmentModel.fileNumber, sequenceBase: base,
        cache: BlockCache(capacityBytes: 1 << 20))
    }
    for base in [1, 1 << 20, EntryTrailer.greatestStoredSequence - greatest] as [UInt64] {
      let moved = SegmentModel(
        entries: model.entries.map { entry in
          let sequence = entry.trailer.sequence + base
          return ModelEntry(
            key: entry.key, trailer: EntryTrailer(rawValue: sequence << 8 | entry.trailer.rawValue & 0xFF),
            value: entry.value)
        },
        tombstones: model.tombstones.map {
          RangeTombstone(lower: $0.lower, upper: $0.upper, sequence: $0.sequence + base)
        })
      let reader = try open(base)
      #expect(try reader.allEntries() == moved.entries)
      #expect(reader.removals.all == moved.tombstones.sorted(by: RangeRemovalBlock.precedes))
      let written = try SegmentReader(bytes).properties
      #expect(reader.properties == written.rebased(by: base))
      #expect(reader.properties.encoded() == written.encoded())
      try checkProperties(reader.properties, moved)
      try checkSeeks(reader, moved, seed: UInt64(seed))
    }
    #expect(throws: StorageError.self) {
      try open(EntryTrailer.greatestStoredSequence - greatest + 1).allEntries()
    }
    #expect(throws: StorageError.self) { try open(.max).allEntries() }
  }

  /// Blocks are checked on their own: the properties need not have told the truth.
  @Test func aBlockWhoseNumbersExceedTheGreatestIsRefused() {
    var builder = BlockBuilder()
    let trailer = EntryTrailer(sequence: 7, kind: .value)
    [1].withUnsafeBytes { builder.add(key: $0, trailer, value: $0) }
    var payload = AppendBuffer(capacity: 64)
    builder.finish(into: &payload)
    let room = EntryTrailer.greatestStoredSequence - 7
    #expect(
      Block.make(payload.bytes, isIndex: false, sequenceBase: room)?.view.sequences.upperBound == room + 7)
    #expect(Block.make(payload.bytes, isIndex: false, sequenceBase: room + 1) == nil)
    #expect(Block.make(payload.bytes, isIndex: false, sequenceBase: .max) == nil)
  }

  /// Going back costs the reads that going forward costs: every block once. A seek reads one block, or the
  /// next one as well when all of the first sorts before what is sought.
  @Test(arguments: 1...6 as ClosedRange<UInt64>) func bothWaysReadEveryBlockOnce(seed: UInt64) throws {
    let model = SegmentModel(seed: seed, count: 400)
    let file = ReadCountingFile(MemoryFile(try model.bytes(options: SegmentOptions(blockBytes: 200))))
    let reader = try SegmentReader(
      file: file, fileNumber: SegmentModel.fileNumber, cache: BlockCache(capacityBytes: 0))
    let blocks = reader.index.count
    #expect(blocks > 10)
    let cursor = reader.makeCursor()
    _ = file.newReads
    try cursor.seekToFirst()
    while cursor.isValid { try cursor.next() }
    #expect(file.newReads == blocks)
    try cursor.seekToLast()
    _ = file.newReads
    while cursor.isValid { try cursor.previous() }
    #expect(file.newReads == blocks - 1)
    var random = SeededGenerator(seed: seed)
    for _ in 0..<200 {
      let (key, trailer) = target(model, &random)
      try key.withUnsafeBytes { try cursor.seek(atOrAfter: $0, trailer) }
      #expect(file.newReads <= 2)
      try key.withUnsafeBytes { try cursor.seek(before: $0, trailer) }
      #expect(file.newReads <= 1)
      // There and back again within what is held.
      guard cursor.isValid else { continue }
      let (key0, trailer0) = ([UInt8](cursor.key), cursor.trailer)
      try cursor.next()
      if cursor.isValid { try cursor.previous() }
      #expect(file.newReads <= 2)
      if cursor.isValid { #expect([UInt8](cursor.key) == key0 && cursor.trailer == trailer0) }
    }
  }

  private func checkProperties(_ properties: SegmentProperties, _ model: SegmentModel) throws {
    let removals = model.entries.filter { $0.trailer.kind == .removal }.count
    #expect(properties.removalCount == UInt64(removals))
    #expect(properties.valueCount == UInt64(model.entries.count - removals))
    #expect(properties.tombstoneCount == UInt64(model.tombstones.count))
    let sequences = model.entries.map(\.trailer.sequence) + model.tombstones.map(\.sequence)
    #expect(properties.smallestSequence == sequences.min())
    #expect(properties.largestSequence == sequences.max())
    #expect(properties.rawKeyBytes == UInt64(model.entries.reduce(0) { $0 + $1.key.count }))
    #expect(properties.rawValueBytes == UInt64(model.entries.reduce(0) { $0 + $1.value.count }))
    let lowers = model.entries.map(\.key) + model.tombstones.map(\.lower)
    #expect(properties.lowerBound == lowers.min { $0.lexicographicallyPrecedes($1) })
    if model.tombstones.contains(where: { $0.upper == nil }) {
      #expect(properties.upperBound == .unbounded)
    } else {
      let last = model.entries.last?.key ?? []
      let furthest = model.tombstones.compactMap(\.upper).max { $0.lexicographicallyPrecedes($1) }
      if let furthest, last.lexicographicallyPrecedes(furthest) {
        #expect(properties.upperBound == .exclusive(furthest))
      } else {
        #expect(properties.upperBound == .inclusive(last))
      }
    }
  }

  /// Keys that are there, and keys just beside them.
  private func target(_ model: SegmentModel, _ random: inout SeededGenerator) -> ([UInt8], EntryTrailer) {
    let entry = model.entries.randomElement(using: &random)!
    var key = entry.key
    switch Int.random(in: 0..<6, using: &random) {
    case 0: key.append(UInt8.random(in: 0...255, using: &random))
    case 1: if !key.isEmpty { key.removeLast() }
    case 2: if !key.isEmpty { key[Int.random(in: 0..<key.count, using: &random)] ^= 1 }
    default: break
    }
    let trailer =
      switch Int.random(in: 0..<4, using: &random) {
      case 0: EntryTrailer.newest
      case 1: EntryTrailer.newest(visibleAt: entry.trailer.sequence)
      case 2: EntryTrailer(sequence: entry.trailer.sequence + 1, kind: .removal)
      default: entry.trailer
      }
    return (key, trailer)
  }

  private func checkSeeks(_ reader: SegmentReader, _ model: SegmentModel, seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let cursor = reader.makeCursor()
    for _ in 0..<300 {
      let (key, trailer) = target(model, &random)
      let index = model.firstIndex(atOrAfter: key, trailer)
      try key.withUnsafeBytes { try cursor.seek(atOrAfter: $0, trailer) }
      #expect(cursor.current == (index < model.entries.count ? model.entries[index] : nil))
      try key.withUnsafeBytes { try cursor.seek(before: $0, trailer) }
      #expect(cursor.current == (index > 0 ? model.entries[index - 1] : nil))
      let found = try key.withUnsafeBytes { try reader.find($0, visibleAt: trailer.sequence) }
      #expect(found?.entry(of: key) == model.find(key, visibleAt: trailer.sequence))
    }
  }

  private func checkWalk(_ reader: SegmentReader, _ model: SegmentModel, seed: UInt64) throws {
    var random = SeededGenerator(seed: ~seed)
    let cursor = reader.makeCursor()
    var index = -1
    for _ in 0..<1000 {
      switch (Int.random(in: 0..<12, using: &random), cursor.isValid) {
      case (0..<5, true):
        try cursor.next()
        index += 1
      case (0..<10, true):
        try cursor.previous()
        index -= 1
      case (10, true):
        // Its own key, which the seek may overwrite.
        try cursor.seek(before: cursor.key, cursor.trailer)
        index -= 1
      case (11, true): try cursor.seek(atOrAfter: cursor.key, cursor.trailer)
      default:
        let (key, trailer) = target(model, &random)
        index = model.firstIndex(atOrAfter: key, trailer)
        try key.withUnsafeBytes { try cursor.seek(atOrAfter: $0, trailer) }
      }
      #expect(cursor.current == (model.entries.indices.contains(index) ? model.entries[index] : nil))
    }
  }

  @Test(arguments: [nil, 1]) func longestKeyAndGiantValue(level: Int?) throws {
    let longest = [UInt8](repeating: 5, count: StorageLimits.keyBytes)
    let giant = (0..<(5 << 20)).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
    let model = SegmentModel(
      entries: [
        ModelEntry(key: [], trailer: EntryTrailer(sequence: 9, kind: .value), value: giant),
        ModelEntry(key: [5], trailer: EntryTrailer(sequence: 3, kind: .value), value: [1]),
        ModelEntry(key: longest, trailer: EntryTrailer(sequence: 2, kind: .removal), value: []),
      ], tombstones: [RangeTombstone(lower: longest, upper: longest + [0], sequence: 5)])
    let reader = try SegmentReader(model.bytes(options: SegmentOptions(compressionLevel: level)))
    #expect(try reader.allEntries() == model.entries)
    #expect(reader.properties.upperBound == .exclusive(longest + [0]))
    let found = try longest.withUnsafeBytes { try reader.find($0, visibleAt: 100) }
    #expect(found?.trailer == EntryTrailer(sequence: 2, kind: .removal))
  }

  @Test func onlyRangeRemovals() throws {
    let model = SegmentModel(entries: [], tombstones: [RangeTombstone(lower: [1], upper: nil, sequence: 5)])
    let reader = try SegmentReader(model.bytes())
    #expect(reader.properties.entryCount == 0)
    #expect(reader.properties.lowerBound == [1])
    #expect(reader.removals.all == model.tombstones)
    #expect(try reader.allEntries().isEmpty)
    let cursor = reader.makeCursor()
    try cursor.seekToLast()
    #expect(!cursor.isValid)
    try cursor.seek(before: UnsafeRawBufferPointer(start: nil, count: 0), .newest)
    #expect(!cursor.isValid)
    #expect(try reader.find(UnsafeRawBufferPointer(start: nil, count: 0), visibleAt: 9) == nil)
  }

  @Test func builderRefuses() throws {
    func entry(_ key: [UInt8], _ sequence: UInt64, _ kind: EntryKind = .value, _ value: [UInt8] = [])
      -> ModelEntry
    {
      ModelEntry(key: key, trailer: EntryTrailer(sequence: sequence, kind: kind), value: value)
    }
    let long = [UInt8](repeating: 0, count: StorageLimits.keyBytes + 1)
    let refused: [([ModelEntry], StorageError.Code)] = [
      ([], .invalidArgument),
      ([entry([2], 1), entry([1], 2)], .invalidArgument),
      ([entry([1], 1), entry([1], 1)], .invalidArgument),
      ([entry([1], 1), entry([1], 2)], .invalidArgument),
      ([entry([1], 1, .removal, [1])], .invalidArgument),
      ([ModelEntry(key: [1], trailer: EntryTrailer(rawValue: 0x107), value: [])], .invalidArgument),
      ([entry(long, 1)], .keyTooLong),
    ]
    for (entries, code) in refused {
      let error = #expect(throws: StorageError.self) { try SegmentModel(entries: entries).bytes() }
      #expect(error?.code == code)
    }
  }
}
