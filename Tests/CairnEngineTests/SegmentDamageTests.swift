import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// Segments that were damaged, cut off, exchanged, or made to deceive.
@Suite struct SegmentDamageTests {
  /// Small blocks, several versions of a key, a range removal; compressible values when `level` is given.
  static func small(level: Int? = nil) -> (model: SegmentModel, bytes: [UInt8]) {
    var entries: [ModelEntry] = []
    for number in 0..<24 {
      let key = [UInt8]("run/\(100 + number / 2)".utf8)
      let trailer = EntryTrailer(sequence: UInt64(100 - number), kind: number % 5 == 0 ? .removal : .value)
      let value = [UInt8](repeating: UInt8(number), count: level == nil ? number % 9 : 60)
      entries.append(ModelEntry(key: key, trailer: trailer, value: number % 5 == 0 ? [] : value))
    }
    let model = SegmentModel(
      entries: entries,
      tombstones: [
        RangeTombstone(lower: Array("run/1".utf8), upper: Array("run/2".utf8), sequence: 7),
        RangeTombstone(lower: Array("run/3".utf8), upper: nil, sequence: 8),
      ])
    let options = SegmentOptions(
      blockBytes: level == nil ? 80 : 300, compressionLevel: level, prefixRule: .fixedLength(5))
    // A model that cannot be written leaves nothing to damage, and the sweeps below then fail at once.
    return (model, (try? model.bytes(options: options)) ?? [])
  }

  /// Reads everything in every way. Throws at the first error, which must be of one of the codes for
  /// damage; what is read before it must be the model's.
  private func readAll(_ bytes: [UInt8], _ model: SegmentModel) throws {
    do {
      let reader = try SegmentReader(bytes)
      for entry in model.entries {
        do {
          let found = try entry.key.withUnsafeBytes { try reader.find($0, visibleAt: entry.trailer.sequence) }
          #expect(found?.entry(of: entry.key) == model.find(entry.key, visibleAt: entry.trailer.sequence))
        } catch let error as StorageError {
          #expect(error.code == .corruption)
        }
      }
      let cursor = reader.makeCursor()
      var index = 0
      try cursor.seekToFirst()
      while let entry = cursor.current {
        try #require(index < model.entries.count)
        #expect(entry == model.entries[index])
        index += 1
        try cursor.next()
      }
      #expect(index == model.entries.count)
    } catch let error as StorageError {
      #expect(error.code == .corruption || error.code == .unsupportedFormat)
      #expect(error.file == "memory.seg")
      #expect(error.offset != nil)
      throw error
    }
  }

  @Test(arguments: [nil, 1]) func everyFlippedBitIsFound(level: Int?) throws {
    let (model, bytes) = Self.small(level: level)
    try readAll(bytes, model)
    for offset in bytes.indices {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[offset] ^= 1 << UInt8(bit)
        #expect(throws: StorageError.self, "bit \(bit) of byte \(offset)") { try readAll(damaged, model) }
      }
    }
  }

  @Test func everyTruncationIsFound() throws {
    let (_, bytes) = Self.small()
    for length in bytes.indices {
      let error = #expect(throws: StorageError.self) { try SegmentReader(Array(bytes[..<length])) }
      #expect(error?.code == .corruption)
    }
    for extra in [1, 9, 128, 4096] {
      #expect(throws: StorageError.self) { try SegmentReader(bytes + [UInt8](repeating: 0, count: extra)) }
    }
    #expect(throws: StorageError.self) { try SegmentReader(bytes + bytes) }
  }

  @Test func anotherFileNumberIsFound() throws {
    let (_, bytes) = Self.small()
    let error = #expect(throws: StorageError.self) { try SegmentReader(bytes, fileNumber: 43) }
    #expect(error?.code == .corruption)
  }

  @Test func aNewerVersionIsNamed() throws {
    var forged = try ForgedSegment(Self.small().bytes)
    forged.bytes[forged.bytes.count - 12] = 2
    let error = #expect(throws: StorageError.self) { try SegmentReader(forged.bytes) }
    #expect(error?.code == .unsupportedFormat)
    #expect(error?.message.contains("version 2") == true)
    #expect(error?.file == "memory.seg")
  }

  @Test(arguments: [64..<72, 104..<112].flatMap(\.self)) func reservedBytesMustBeZero(offset: Int) throws {
    var forged = try ForgedSegment(Self.small().bytes)
    forged.bytes[forged.footerOffset + offset] = 1
    forged.signFooter()
    let error = #expect(throws: StorageError.self) { try SegmentReader(forged.bytes) }
    #expect(error?.message.contains("reserved") == true)
  }

  /// Every block of one file put at the same place in another, equal but for its salt.
  @Test func blocksOfAnotherFileAreFound() throws {
    let model = Self.small().model
    let options = SegmentOptions(blockBytes: 80)
    let file = MemoryFile()
    _ = try model.write(to: file, salt: 8, options: options)
    let (bytes, other) = (try model.bytes(options: options), file.bytes)
    try #require(bytes.count == other.count)
    for place in try ForgedSegment(bytes).places {
      var mixed = bytes
      mixed.replaceSubrange(place, with: other[place])
      #expect(throws: StorageError.self) { try readAll(mixed, model) }
    }
  }

  @Test func exchangedBlocksAreFound() throws {
    let entries = (0..<40).map {
      ModelEntry(
        key: [UInt8]("k\($0 + 10)".utf8), trailer: EntryTrailer(sequence: 5, kind: .value), value: [1, 2])
    }
    let model = SegmentModel(entries: entries)
    let bytes = try model.bytes(options: SegmentOptions(blockBytes: 80))
    let places = try ForgedSegment(bytes).dataPlaces
    let first = places[1]
    let second = try #require(places.dropFirst(2).first { $0.count == first.count })
    var exchanged = bytes
    exchanged.replaceSubrange(first, with: bytes[second])
    exchanged.replaceSubrange(second, with: bytes[first])
    #expect(throws: StorageError.self) { try readAll(exchanged, model) }

    // With checksums made to fit, the index still tells them apart.
    var forged = try ForgedSegment(exchanged)
    forged.sign(first)
    forged.sign(second)
    let error = #expect(throws: StorageError.self) { try readAll(forged.bytes, model) }
    #expect(error?.message.contains("index says") == true)
  }

  /// Entries outside of what the properties claim, below valid checksums: levels are searched, and transactions
  /// validated, by those claims.
  @Test(arguments: [(44, "sequence number"), (52, "sequence number"), (94, "bounds")])
  func claimsThatTheEntriesDoNotKeepAreFound(offset: Int, complaint: String) throws {
    let (model, bytes) = Self.small()
    let sequences = model.entries.map(\.trailer.sequence)
    let (least, greatest) = try (#require(sequences.min()), #require(sequences.max()))
    try #require(least < greatest)
    var forged = try ForgedSegment(bytes)
    let properties = forged.places[forged.dataPlaces.count + 2]
    switch offset {
    case 44: forged.bytes.overwrite(at: properties.lowerBound + 44, littleEndian: greatest)
    case 52: forged.bytes.overwrite(at: properties.lowerBound + 52, littleEndian: max(8, least))
    default: forged.bytes[properties.lowerBound + 94] = 0x7F
    }
    forged.sign(properties)
    let error = #expect(throws: StorageError.self) {
      let cursor = try SegmentReader(forged.bytes).makeCursor()
      try cursor.seekToFirst()
      while cursor.isValid { try cursor.next() }
    }
    #expect(error?.message.contains(complaint) == true, "\(String(describing: error))")
  }

  /// An entry that refers to a value file, below a valid checksum, must say to what.
  @Test func aHandleThatIsNoneIsDamage() {
    let handle = ValueHandle(origin: 1, ordinal: 0, rawBytes: 3000, storedBytes: 3012).encoded()
    for (value, isSound) in [(handle, true), (handle + [0], false), ([], false), ([1, 0, 0, 0, 4], false)] {
      var builder = BlockBuilder()
      let trailer = EntryTrailer(sequence: 1, kind: .handle)
      [7].withUnsafeBytes { key in value.withUnsafeBytes { builder.add(key: key, trailer, value: $0) } }
      var payload = AppendBuffer(capacity: 64)
      builder.finish(into: &payload)
      #expect((Block.make(payload.bytes, isIndex: false) != nil) == isSound, "\(value)")
    }
  }

  /// Random changes below valid checksums: whatever comes of them is ordered entries or a typed error.
  @Test(arguments: 0..<24) func forgedBlocksAreReadOrRefused(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let (_, bytes) = Self.small(level: seed % 2 == 0 ? nil : 1)
    let original = try ForgedSegment(bytes)
    for _ in 0..<150 {
      var forged = original
      for _ in 0..<Int.random(in: 1...2, using: &random) {
        let place = forged.places.randomElement(using: &random)!
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          // The beginning and the end hold the lengths: they are worth more tries.
          let last = place.count - 5
          let offset =
            switch Int.random(in: 0..<3, using: &random) {
            case 0: Int.random(in: 0...min(20, last), using: &random)
            case 1: max(0, last - Int.random(in: 0...5, using: &random))
            default: Int.random(in: 0...last, using: &random)
            }
          forged.bytes[place.lowerBound + offset] =
            [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random)!
        }
        forged.sign(place)
      }
      exercise(forged.bytes)
    }
  }

  @Test(arguments: 0..<20) func forgedFootersAreReadOrRefused(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let original = try ForgedSegment(Self.small().bytes)
    for _ in 0..<200 {
      var forged = original
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let field = forged.footerOffset + 8 * Int.random(in: 0..<13, using: &random)
        let byte = field + Int.random(in: 0..<8, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: forged.bytes[byte] = UInt8.random(in: 0...255, using: &random)
        case 1: forged.bytes.overwrite(at: field, littleEndian: UInt64.max)
        case 2:
          forged.bytes.overwrite(
            at: field, littleEndian: UInt64(Int.random(in: 0...forged.bytes.count, using: &random)))
        default:
          forged.bytes.overwrite(
            at: field, littleEndian: UInt64.max - UInt64.random(in: 0...200, using: &random))
        }
      }
      forged.signFooter()
      exercise(forged.bytes)
    }
  }

  /// Places that add up to the file only where numbers start anew from zero.
  @Test(arguments: [true, false]) func placesBeyondTheGreatestNumberAreFound(inTheSum: Bool) throws {
    var forged = try ForgedSegment(Self.small().bytes)
    func write(_ offset: Int, _ numbers: UInt64...) {
      for (index, number) in numbers.enumerated() {
        forged.bytes.overwrite(at: forged.footerOffset + offset + 8 * index, littleEndian: number)
      }
    }
    let trailer = UInt64(SegmentFormat.blockTrailerBytes)
    let index = UInt64(forged.place(at: 16).lowerBound)
    // The index ends at 16 after all numbers, or its block trailer at 4; there the properties begin.
    let start: UInt64 = inTheSum ? 16 : 4
    write(16, index, 0 &- index &- trailer &+ start)
    for absent in [32, 72, 88] { write(absent, 0, 0) }
    write(48, start, UInt64(forged.footerOffset) - start - trailer)
    forged.signFooter()
    let error = #expect(throws: StorageError.self) { try SegmentReader(forged.bytes) }
    #expect(error?.message.contains("add up") == true, "\(String(describing: error))")
  }

  /// A zstd frame that unfolds to far more than it takes may not make a reader allocate as much.
  @Test(arguments: [(1 << 20, true), (64 << 20, false)]) func anUnfoldingBombIsRefused(
    payloadBytes: Int, isRead: Bool
  ) throws {
    // RFC 8878: magic, a single segment with an eight-byte content size, and run-length blocks of 128 KiB.
    var frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xE0]
    frame.append(littleEndian: UInt64(payloadBytes))
    let blocks = payloadBytes >> 17
    for number in 1...blocks {
      let header = UInt32(1 << 17) << 3 | 1 << 1 | (number == blocks ? 1 : 0)
      frame += [0, 8, 16].map { UInt8(truncatingIfNeeded: header >> $0) } + [7]
    }
    let identity = SegmentIdentity(fileNumber: 1, salt: 2)
    frame += frame.withUnsafeBytes {
      StoredBlock.trailer(
        stored: $0, compression: .zstd, payloadBytes: payloadBytes, offset: 0, identity: identity)
    }
    let place = SegmentFooter.Place(
      offset: 0, storedBytes: UInt64(frame.count - SegmentFormat.blockTrailerBytes))
    if isRead {
      #expect(try unfolded(place, MemoryFile(frame), identity) == [UInt8](repeating: 7, count: payloadBytes))
    } else {
      let error = #expect(throws: StorageError.self) { try unfolded(place, MemoryFile(frame), identity) }
      #expect(error?.code == .corruption)
    }
  }

  private func unfolded(
    _ place: SegmentFooter.Place, _ file: MemoryFile, _ identity: SegmentIdentity
  ) throws -> [UInt8] {
    let bytes = try StoredBlock.read(
      place, of: file, identity: identity, decompressor: BlockDecompressor(), whatItHolds: "sevens")
    return [UInt8](bytes.memory)
  }

  /// The writer keeps to the bound as well.
  @Test func whatWouldUnfoldTooFarIsNotCompressed() throws {
    let zeros = [UInt8](repeating: 0, count: 8 << 20)
    let model = SegmentModel(
      entries: [ModelEntry(key: [1], trailer: EntryTrailer(sequence: 1, kind: .value), value: zeros)])
    let bytes = try model.bytes(options: SegmentOptions(compressionLevel: 1))
    #expect(bytes.count > zeros.count)
    #expect(try SegmentReader(bytes, cacheBytes: 0).allEntries() == model.entries)
  }

  private func exercise(_ bytes: [UInt8]) {
    do {
      let reader = try SegmentReader(bytes)
      let probes = Self.small().model.entries
      for entry in probes {
        _ = try? entry.key.withUnsafeBytes { try reader.find($0, visibleAt: entry.trailer.sequence) }
        _ = entry.key.withUnsafeBytes { reader.mayContain(prefix: $0) }
        let cursor = reader.makeCursor()
        try? entry.key.withUnsafeBytes { try cursor.seek(before: $0, entry.trailer) }
        try? cursor.next()
      }
      let entries = try reader.allEntries()
      for (left, right) in zip(entries, entries.dropFirst()) { #expect(ModelEntry.precedes(left, right)) }
    } catch let error as StorageError {
      #expect(error.code == .corruption || error.code == .unsupportedFormat)
    } catch {
      Issue.record("an untyped error: \(error)")
    }
  }
}
