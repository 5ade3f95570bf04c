import CairnKV
import FuzzKit

@testable import CairnEngine

/// The footer of a segment.
struct SegmentFooterFuzz: FuzzTarget {
  static let name = "segment-footer"
  static let share = 40
  private let seeds: [(bytes: [UInt8], offset: UInt64)]

  init() throws {
    seeds = try (SegmentSeeds.segments() + [SegmentSeeds.withDictionary()]).map {
      (Array($0.suffix(SegmentFormat.footerBytes)), UInt64($0.count - SegmentFormat.footerBytes))
    }
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    let (seed, offset) = seeds[random.below(seeds.count)]
    var bytes = seed
    Mutation.change(&bytes, keepingLength: !random.chance(1, in: 32), using: &random)
    if random.chance(1, in: 2), bytes.count == SegmentFormat.footerBytes {
      // A place that begins where another one ends.
      let place = 16 + 8 * random.below(11)
      let sum = [0, 1].reduce(UInt64(SegmentFormat.blockTrailerBytes)) { sum, next in
        sum &+ bytes.fuzzNumber(at: 16 + 16 * random.below(3) + 8 * next)
      }
      bytes.overwrite(at: place, littleEndian: random.chance(1, in: 2) ? sum : sum &- offset)
    }
    if !random.chance(1, in: 16), bytes.count == SegmentFormat.footerBytes {
      SegmentImage.sign(&bytes, at: offset)
    }
    do {
      let footer = try withBytes(of: bytes) { (bytes) throws(StorageError) in
        try SegmentFooter(bytes, at: offset, fileNumber: SegmentSeeds.number, file: "a")
      }
      let places = [footer.dictionary, footer.index, footer.rangeRemovals, footer.filters, footer.properties]
      for place in places.compactMap({ $0 }) {
        try demand(
          place.storedBytes <= offset && place.end.map { $0 <= offset } == true, "\(place) of \(offset)")
      }
      try demand(footer.dataBytes <= offset, "\(footer)")
      return .accepted
    } catch let error as StorageError {
      return try demandRefusal(error, naming: "a")
    }
  }
}

/// A block of entries, of data or of an index.
struct BlockFuzz: FuzzTarget {
  static let name = "block"
  static let share = 80
  private let seeds: [(payload: [UInt8], isIndex: Bool)]

  init() throws {
    seeds = try SegmentSeeds.segments().flatMap { bytes in
      let reader = try SegmentReader(bytes)
      let image = try SegmentImage(bytes, number: SegmentSeeds.number)
      let index = image.encodedIndexPayload()
      return image.data.map { ($0.payload, false) } + (reader.index.count > 0 ? [(index, true)] : [])
    }
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    var (payload, isIndex) = seeds[random.below(seeds.count)]
    Mutation.change(&payload, with: seeds[random.below(seeds.count)].payload, using: &random)
    if random.chance(1, in: 16) { isIndex.toggle() }
    let base =
      random.chance(1, in: 4) ? Mutation.edge(near: 1000, using: &random) >> UInt64(random.below(9)) : 0
    let isForKeys = !random.chance(1, in: 4)
    let made = payload.withUnsafeBytes {
      Block.make($0, isIndex: isIndex, isForKeys: isForKeys, sequenceBase: base)
    }
    guard let block = made else { return .rejected }
    try demand(block.memoryBytes <= 3 * payload.count + 256, "\(block.memoryBytes) of \(payload.count)")
    let view = block.view
    var last: ModelEntry?
    for index in 0..<view.count {
      let entry = view.entry(at: index)
      let key = view.key(at: index)
      let current = ModelEntry(key: key, trailer: entry.trailer, value: [UInt8](entry.value))
      try demand(key.count <= StorageLimits.keyBytes, "a key of \(key.count) bytes")
      if let last { try demand(ModelEntry.precedes(last, current), "\(last) before \(current)") }
      if !isIndex, isForKeys { try find(current, isFirst: last?.key != key, in: view) }
      last = current
      try demand(view.sequences.contains(entry.trailer.sequence), "\(view.sequences)")
    }
    withExtendedLifetime(block) {}
    return .accepted
  }

  private func find(_ entry: ModelEntry, isFirst: Bool, in view: BlockView) throws(FuzzFinding) {
    let found = entry.key.withUnsafeBytes { key in
      view.find(key, tag: BlockView.tag(ofHash: KeyHash.hash(key)), atOrAfter: entry.trailer)?.trailer
    }
    try demand(found == entry.trailer, "\(entry) is not found")
    guard isFirst else { return }
    let index = entry.key.withUnsafeBytes { view.firstIndex(atOrAfter: $0, .newest) }
    try demand(
      index < view.count && view.entry(at: index).trailer == entry.trailer, "\(entry) is sought in vain")
  }
}

extension SegmentImage {
  /// The payload of the index block.
  func encodedIndexPayload() -> [UInt8] {
    let bytes = encoded()
    let footer = bytes.count - SegmentFormat.footerBytes
    let offset: UInt64 = bytes.fuzzNumber(at: footer + 16)
    let length: UInt64 = bytes.fuzzNumber(at: footer + 24)
    return Array(bytes[Int(offset)..<Int(offset + length)])
  }
}

/// The range removals of a segment, and the set that is made of them.
struct RangeRemovalFuzz: FuzzTarget {
  static let name = "range-removals"
  static let share = 60
  private let seeds: [[UInt8]]

  init() throws {
    let few = (0..<4).map {
      RangeTombstone(lower: [$0], upper: $0 == 2 ? nil : [$0 + 3], sequence: 9 - UInt64($0))
    }
    let many = (0..<40).map {
      RangeTombstone(lower: [UInt8($0 / 3)], upper: [UInt8($0), 1], sequence: 100 - UInt64($0))
    }
    seeds = [few, many, [few[2]]].map { RangeRemovalBlock.encode($0) }
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    var payload = seeds[random.chance(1, in: 4) ? 1 : 2 * random.below(2)]
    Mutation.change(&payload, with: seeds[random.below(seeds.count)], using: &random)
    let base =
      random.chance(1, in: 4) ? Mutation.edge(near: 1000, using: &random) >> UInt64(random.below(9)) : 0
    let decoded = payload.withUnsafeBytes { RangeRemovalBlock.decode($0, sequenceBase: base) }
    guard let tombstones = decoded else { return .rejected }
    if base == 0 { try demand(RangeRemovalBlock.encode(tombstones) == payload, "encodes otherwise") }
    let set = RangeTombstoneSet(tombstones)
    for _ in 0..<3 {
      let key = random.key()
      let sequence = random.chance(1, in: 2) ? UInt64.max >> 8 : UInt64(random.below(120))
      let expected =
        tombstones.filter { tombstone in
          tombstone.sequence <= sequence && !key.lexicographicallyPrecedes(tombstone.lower)
            && tombstone.upper.map { key.lexicographicallyPrecedes($0) } ?? true
        }.map(\.sequence).max() ?? 0
      let found = key.withUnsafeBytes { set.newestCovering($0, visibleAt: sequence) }
      try demand(found == expected, "\(found), not \(expected), covers \(key)")
    }
    return .accepted
  }
}

/// The filters of a segment.
struct FilterFuzz: FuzzTarget {
  static let name = "filters"
  static let share = 60
  private let seeds: [[UInt8]]

  init() {
    seeds = [PrefixRule.none, .fixedLength(2), .tupleElements(2)].map { rule in
      var builder = FilterBuilder(rule: rule)
      for number in 0..<30 {
        let key: [UInt8] = [0x02, 0x61, 0, 0x15, UInt8(number + 1), 0x15, 1]
        key.withUnsafeBytes { builder.add($0) }
      }
      return builder.encoded()
    }
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    var payload = seeds[random.below(seeds.count)]
    if random.chance(1, in: 2) {
      var header = Array(payload[..<16])
      Mutation.change(&header, keepingLength: true, using: &random)
      payload.replaceSubrange(..<16, with: header)
    } else {
      Mutation.change(&payload, with: seeds[random.below(seeds.count)], using: &random)
    }
    if payload.count >= 16, random.chance(1, in: 2) {
      let rest = (payload.count - 16) / BloomFilter.lineBytes
      let keys = random.below(rest + 1)
      payload.overwrite(at: 8, littleEndian: UInt32(keys))
      payload.overwrite(at: 12, littleEndian: UInt32(rest - keys))
    }
    guard let filters = payload.withUnsafeBytes({ SegmentFilters($0) }) else { return .rejected }
    try demand(filters.memoryBytes <= payload.count + 128, "\(filters.memoryBytes) of \(payload.count)")
    for _ in 0..<4 {
      _ = filters.mayContain(keyHash: random.next())
      let prefix: [UInt8] = random.chance(1, in: 2) ? [0x02, 0x61, 0, 0x15, 1] : random.key()
      _ = prefix.withUnsafeBytes { filters.mayContain(prefix: $0) }
    }
    for hash in [0, UInt64.max] { _ = filters.mayContain(keyHash: hash) }
    try demand(filters.rule.isValid, "\(filters.rule)")
    return .accepted
  }
}

/// The properties of a segment.
struct PropertiesFuzz: FuzzTarget {
  static let name = "properties"
  static let share = 50
  private let seeds: [[UInt8]]

  init() throws {
    seeds = try SegmentSeeds.segments().map { try SegmentReader($0).properties.encoded() }
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    var payload = seeds[random.below(seeds.count)]
    Mutation.change(&payload, with: seeds[random.below(seeds.count)], using: &random)
    let base =
      random.chance(1, in: 4) ? Mutation.edge(near: 1000, using: &random) >> UInt64(random.below(9)) : 0
    let decoded = payload.withUnsafeBytes { SegmentProperties($0, fileBytes: 1000, sequenceBase: base) }
    guard let properties = decoded else { return .rejected }
    try demand(properties.encoded() == payload, "encodes otherwise")
    try demand(properties.smallestSequence <= properties.largestSequence, "\(properties)")
    try demand(properties.largestSequence <= EntryTrailer.greatestStoredSequence, "\(properties)")
    try demand(properties.blockCount <= properties.entryCount, "\(properties)")
    return .accepted
  }
}
