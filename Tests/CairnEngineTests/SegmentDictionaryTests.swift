import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// Segments whose blocks refer to a dictionary.
@Suite struct SegmentDictionaryTests {
  /// Records that are alike, as a workflow's events are.
  private static func events(_ count: Int, seed: UInt64 = 1) -> SegmentModel {
    var random = SeededGenerator(seed: seed)
    let words = ["retrieve", "document", "summary", "completed", "failed", "tool", "checkpoint"]
    return SegmentModel(
      entries: (0..<count).map { number in
        let text = (0..<8).map { _ in words[random.below(words.count)] }.joined(separator: " ")
        let event =
          "{\"run\":\(random.below(1000)),\"step\":\(number),\"kind\":\"\(words[random.below(7)])\","
          + "\"cost\":0.\(random.below(100_000)),\"text\":\"\(text)\",\"isFinished\":\(random.below(2) == 0)}"
        return ModelEntry(
          key: Array("run/\(1_000_000 + number)".utf8),
          trailer: EntryTrailer(sequence: UInt64(number + 1), kind: .value), value: Array(event.utf8))
      })
  }

  private static func options(_ dictionaryBytes: Int) -> SegmentOptions {
    SegmentOptions(compressionLevel: 1, dictionaryBytes: dictionaryBytes)
  }

  @Test func blocksThatAreAlikeTakeLess() throws {
    let model = Self.events(6000)
    let without = try model.bytes(options: Self.options(0))
    let with = try model.bytes(options: Self.options(4096))
    #expect(with.count < without.count * 95 / 100, "\(with.count) against \(without.count)")
    #expect(with == (try model.bytes(options: Self.options(4096))), "the same entries make the same file")
    let reader = try SegmentReader(with, cacheBytes: 0)
    #expect(try reader.allEntries() == model.entries)
    #expect(reader.memoryBytes > (try SegmentReader(without, cacheBytes: 0)).memoryBytes)
    for entry in model.entries.prefix(300) {
      let found = try entry.key.withUnsafeBytes { try reader.find($0, visibleAt: .max >> 8) }
      #expect(found?.entry(of: entry.key) == entry)
    }
  }

  @Test func aShortSegmentHasNone() throws {
    let model = Self.events(100)
    #expect(try model.bytes(options: Self.options(4096)) == model.bytes(options: Self.options(0)))
  }

  @Test func whatCannotBeCompressedNeedsNone() throws {
    var random = SeededGenerator(seed: 3)
    var model = Self.events(2000)
    for index in model.entries.indices { model.entries[index].value = random.bytes(200) }
    #expect(try model.bytes(options: Self.options(4096)) == model.bytes(options: Self.options(0)))
  }

  /// Blocks are tried for as long as it pays: by the first half MiB the rest is judged.
  @Test(arguments: [true, false]) func theBeginningDecidesForTheRest(startsRandom: Bool) throws {
    var random = SeededGenerator(seed: 4)
    let alike = [UInt8](repeating: 7, count: 1000)
    var entries: [ModelEntry] = []
    for number in 0..<1600 {
      let trailer = EntryTrailer(sequence: UInt64(number + 1), kind: .value)
      let isRandom = (number < 800) == startsRandom
      let value = isRandom ? random.bytes(1000) : alike
      entries.append(
        ModelEntry(key: [UInt8(number >> 8), UInt8(number & 255)], trailer: trailer, value: value))
    }
    let model = SegmentModel(entries: entries)
    let bytes = try model.bytes(options: Self.options(4096))
    #expect(startsRandom ? bytes.count > 1_600_000 : bytes.count < 1_000_000)
    #expect(try SegmentReader(bytes, cacheBytes: 0).allEntries() == model.entries)
  }

  // MARK: Damage

  private static let dictionaryPlace = 88

  @Test func aDictionaryThatIsMissingIsDamage() throws {
    var forged = try ForgedSegment(Self.events(1500).bytes(options: Self.options(4096)))
    // The footer leaves it out, and takes its bytes for data.
    for offset in 0..<16 { forged.bytes[forged.footerOffset + Self.dictionaryPlace + offset] = 0 }
    forged.signFooter()
    #expect(throws: StorageError.self) { try SegmentReader(forged.bytes).allEntries() }

    // A block of a segment without one says that it needs one.
    var plain = try ForgedSegment(Self.events(1500).bytes(options: Self.options(0)))
    let block = plain.dataPlaces[0]
    plain.bytes[block.upperBound - SegmentFormat.blockTrailerBytes] = 2
    plain.sign(block)
    let error = #expect(throws: StorageError.self) { try SegmentReader(plain.bytes).allEntries() }
    #expect(error?.message.contains("dictionary") == true)
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>) func damageIsATypedError(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let model = Self.events(1500)
    let original = try ForgedSegment(model.bytes(options: Self.options(4096)))
    let place = original.place(at: Self.dictionaryPlace)
    for attempt in 0..<40 {
      var forged = original
      for _ in 0..<1 + random.below(4) {
        let offset = attempt % 2 == 0 ? random.below(140) : random.below(place.count - 4)
        forged.bytes[place.lowerBound + min(offset, place.count - 5)] = UInt8(random.below(256))
      }
      // With a checksum that is right for it, a dictionary that is another one may yield other bytes, but
      // never a trap; without, it is found.
      let isSigned = attempt % 4 < 2
      if isSigned { forged.sign(place) }
      do {
        let entries = try SegmentReader(forged.bytes).allEntries()
        #expect(isSigned || forged.bytes == original.bytes, "seed \(seed)")
        for (left, right) in zip(entries, entries.dropFirst()) { #expect(ModelEntry.precedes(left, right)) }
      } catch let error as StorageError {
        #expect(error.code == .corruption, "seed \(seed)")
      }
    }
  }
}
