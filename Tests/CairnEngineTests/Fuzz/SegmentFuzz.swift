import CairnKV
import FuzzKit

@testable import CairnEngine

/// A whole segment: footer, parts, stored blocks, and cursors over its entries.
struct SegmentFuzz: FuzzTarget {
  static let name = "segment"
  static let share = 100
  private let seeds: [SegmentImage]

  init() throws {
    var seeds = try SegmentSeeds.segments().map { try SegmentImage($0, number: SegmentSeeds.number) }
    // Of the one with a dictionary a few blocks are enough.
    var compressed = try SegmentImage(SegmentSeeds.withDictionary(), number: SegmentSeeds.number)
    compressed.data.removeSubrange(3...)
    compressed.heads.removeSubrange(3...)
    if var properties = compressed.parts[.properties] {
      properties.payload.overwrite(at: 36, littleEndian: UInt64(compressed.data.count))
      properties.stored = nil
      compressed.parts[.properties] = properties
    }
    compressed.parts[.filters] = nil
    seeds += [compressed]
    self.seeds = seeds
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    // The one with a dictionary costs ten times as much.
    var image = random.chance(1, in: 50) ? seeds[seeds.count - 1] : seeds[random.below(seeds.count - 1)]
    let other = seeds[random.below(seeds.count)]
    for _ in 0...random.below(3) { image.change(with: other, using: &random) }
    var bytes = image.encoded()
    if random.chance(1, in: 24) { Mutation.change(&bytes, using: &random) }
    let base = random.chance(1, in: 4) ? Mutation.edge(near: 1000, using: &random) >> 8 : 0
    let cache = BlockCache(capacityBytes: random.chance(1, in: 2) ? 1 << 16 : 0)
    do {
      let reader = try SegmentReader(
        file: MemoryFile(bytes, path: "a.segment"), fileNumber: SegmentSeeds.number, sequenceBase: base,
        cache: cache)
      try demand(
        reader.memoryBytes <= 1 << 12 + 40 * bytes.count + 1 << 18, "\(reader.memoryBytes) of \(bytes.count)")
      let entries = try SegmentWalk(reader: reader).run(&random)
      try demand(
        entries.count <= bytes.count * SegmentFormat.greatestRatio + SegmentFormat.unfoldsAlwaysTo,
        "\(entries.count) entries")
      return .accepted
    } catch let error as StorageError {
      return try demandRefusal(error, naming: "a.segment")
    }
  }
}

/// Reads a segment in every way, and compares them with each other.
struct SegmentWalk {
  let reader: SegmentReader

  func run(_ random: inout FuzzRandom) throws -> [ModelEntry] {
    let cursor = reader.makeCursor()
    var entries: [ModelEntry] = []
    try cursor.seekToFirst()
    while let entry = cursor.current {
      if let last = entries.last { try demand(ModelEntry.precedes(last, entry), "\(last) before \(entry)") }
      try demand(reader.properties.mayContain(entry.key), "\(entry.key) is out of bounds")
      try demand(
        (reader.properties.smallestSequence...reader.properties.largestSequence).contains(
          entry.trailer.sequence),
        "\(entry) is out of the sequence numbers")
      entries.append(entry)
      try cursor.next()
    }
    try cursor.seekToLast()
    for entry in entries.reversed() {
      try demand(cursor.current == entry, "backwards \(String(describing: cursor.current)), not \(entry)")
      try cursor.previous()
    }
    try demand(!cursor.isValid, "more entries backwards than forwards")
    for _ in 0..<3 {
      let key = random.chance(1, in: 2) ? entries.any(using: &random)?.key ?? [] : random.key()
      try question(key, UInt64(random.below(12)), entries, cursor)
    }
    return entries
  }

  private func question(
    _ key: [UInt8], _ sequence: UInt64, _ entries: [ModelEntry], _ cursor: SourceCursor
  ) throws {
    let model = SegmentModel(entries: entries)
    let trailer = EntryTrailer.newest(visibleAt: sequence)
    let position = model.firstIndex(atOrAfter: key, trailer)
    try key.withUnsafeBytes { try cursor.seek(atOrAfter: $0, trailer) }
    try demand(cursor.current == (position < entries.count ? entries[position] : nil), "a seek to \(key)")
    try key.withUnsafeBytes { try cursor.seek(before: $0, trailer) }
    try demand(cursor.current == (position > 0 ? entries[position - 1] : nil), "a seek before \(key)")
    // The filters may be wrong, so that there is nothing found of what is there; but never anything else.
    let found = try key.withUnsafeBytes { bytes in try reader.find(bytes, visibleAt: sequence)?.entry(of: key)
    }
    if let found { try demand(found == model.find(key, visibleAt: sequence), "\(found) is found for \(key)") }
    _ = key.withUnsafeBytes { reader.mayContain(prefix: $0) }
    let newest = key.withUnsafeBytes { reader.removals.newestCovering($0, visibleAt: sequence) }
    try demand(newest <= sequence, "a removal \(newest) that cannot be seen at \(sequence)")
  }
}

/// A stored block alone: lengths, compression, zstd's frames, and the dictionary that they refer to.
struct StoredBlockFuzz: FuzzTarget {
  static let name = "stored-block"
  static let share = 60
  private let image: SegmentImage
  private let plain: SegmentImage

  init() throws {
    image = try SegmentImage(SegmentSeeds.withDictionary(), number: SegmentSeeds.number)
    plain = try SegmentImage(SegmentSeeds.segments()[2], number: SegmentSeeds.number)
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    let from = random.chance(1, in: 2) ? image : plain
    guard let block = from.data.any(using: &random), let other = plain.data.any(using: &random)?.stored else {
      throw FuzzFinding("there is no block")
    }
    var stored = block.stored ?? block.payload
    var compression = block.compression
    var length = UInt32(block.payload.count)
    if random.chance(1, in: 8) { compression = UInt8(random.below(4)) }
    if random.chance(1, in: 4) {
      length = UInt32(truncatingIfNeeded: Mutation.edge(near: stored.count, using: &random))
    }
    if !random.chance(1, in: 8) { Mutation.change(&stored, with: other, using: &random) }
    var dictionary = image.parts[.dictionary]?.payload ?? []
    let changesDictionary = random.chance(1, in: 8)
    if changesDictionary { Mutation.change(&dictionary, using: &random) }
    let made =
      compression == 2 && !random.chance(1, in: 16)
      ? dictionary.withUnsafeBytes { DictionaryForDecompression($0) } : nil
    let identity = SegmentIdentity(fileNumber: 1, salt: 2)
    var trailer = [compression]
    trailer.append(littleEndian: length)
    let checksum = stored.withUnsafeBytes { stored in
      trailer.withUnsafeBytes { identity.checksum(at: 0, stored, $0) }
    }
    trailer.append(littleEndian: random.chance(1, in: 32) ? checksum ^ 4 : checksum)
    let place = SegmentFooter.Place(
      offset: 0,
      storedBytes: random.chance(1, in: 16)
        ? Mutation.edge(near: stored.count, using: &random) & 0xFFFF_FFFF_0000_FFFF : UInt64(stored.count))
    do {
      let payload = try StoredBlock.read(
        place, of: MemoryFile(stored + trailer, path: "a.segment"), identity: identity,
        decompressor: Self.decompressor, dictionary: made, whatItHolds: "entries")
      try demand(payload.memory.count == Int(length), "\(payload.memory.count) bytes, not \(length)")
      try demand(
        payload.memory.count <= max(1 << 20, 1024 * stored.count),
        "\(payload.memory.count) of \(stored.count)")
      return .accepted
    } catch let error as StorageError {
      return try demandRefusal(error, naming: "a.segment")
    }
  }

  private static let decompressor = BlockDecompressor()
}
