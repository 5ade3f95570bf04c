import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// The filters of segments: never a wrong "no", seldom a wrong "maybe".
@Suite struct FilterTests {
  /// As `format-spec.md` has them.
  static let vectors: [(key: [UInt8], hash: UInt64, bits: [UInt64])] = [
    ([], 0x247c_67d4_fab4_e199, [251, 156, 469, 212, 362, 423]),
    ([0], 0x8b03_fb94_2ac2_2289, [98, 283, 72, 487, 424, 76]),
    (Array("a".utf8), 0xcc95_8dff_6df0_19f9, [91, 210, 459, 245, 328, 47]),
    (Array("a\0".utf8), 0xc0cc_2cbe_efb5_f59f, [258, 289, 240, 506, 443, 266]),
    (Array("abcdefg".utf8), 0x312c_dbfe_2e15_60d1, [333, 191, 187, 172, 450, 11]),
    (Array("abcdefgh".utf8), 0xce64_8062_aa98_eae7, [137, 253, 379, 89, 3, 74]),
    (Array("abcdefghi".utf8), 0x64f0_5d90_5f27_0669, [391, 270, 474, 90, 213, 24]),
    (Array("run/0000000000/1".utf8), 0x672e_ccdf_9db1_ea6a, [64, 89, 448, 199, 184, 484]),
    (Array("run/0000000000/1x".utf8), 0xf9fc_9ce1_3922_f208, [353, 30, 0, 424, 365, 110]),
    (Array(0..<64), 0x34f0_c634_edf5_f207, [25, 247, 318, 305, 173, 399]),
    ([UInt8](repeating: 0xFF, count: 33), 0x62c1_890b_ea7d_9c35, [240, 24, 93, 152, 201, 95]),
  ]

  @Test(arguments: vectors.indices) func hashesAsTheFormatSays(index: Int) {
    let (key, expected, bits) = Self.vectors[index]
    #expect(key.withUnsafeBytes { KeyHash.hash($0) } == expected)
    var lines: [UInt8] = []
    BloomFilter.appendLines(of: [expected], to: &lines)
    #expect(lines.count == 64)
    let set = (0..<512).filter { lines[$0 / 8] >> UInt8($0 % 8) & 1 == 1 }
    #expect(set == Set(bits).sorted().map(Int.init))
  }

  /// A bit of a key changes half the bits of its hash, and no two of many similar keys have the same.
  @Test func theHashIsWellMixed() {
    var seen = Set<UInt64>()
    for number in 0..<100_000 {
      seen.insert(Array("run/1/step/\(number)".utf8).withUnsafeBytes { KeyHash.hash($0) })
    }
    #expect(seen.count == 100_000)
    var random = SeededGenerator(seed: 3)
    for length in [1, 7, 8, 9, 15, 16, 17, 31, 40] {
      var changed = 0
      var tries = 0
      for _ in 0..<40 {
        var key = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
        let before = key.withUnsafeBytes { KeyHash.hash($0) }
        for bit in 0..<8 * length {
          key[bit / 8] ^= 1 << UInt8(bit % 8)
          changed += (before ^ key.withUnsafeBytes { KeyHash.hash($0) }).nonzeroBitCount
          key[bit / 8] ^= 1 << UInt8(bit % 8)
          tries += 1
        }
      }
      let mean = Double(changed) / Double(tries)
      #expect((30.5...33.5).contains(mean), "keys of \(length) bytes")
    }
  }

  private func filters(_ keys: [[UInt8]], _ rule: PrefixRule = .none) throws -> SegmentFilters {
    var builder = FilterBuilder(rule: rule)
    for key in keys { key.withUnsafeBytes { builder.add($0) } }
    #expect(builder.encodedBytes == builder.encoded().count)
    return try #require(builder.encoded().withUnsafeBytes { SegmentFilters($0) })
  }

  private func mayContain(_ filters: SegmentFilters, _ key: [UInt8]) -> Bool {
    filters.mayContain(keyHash: key.withUnsafeBytes { KeyHash.hash($0) })
  }

  @Test(arguments: [1, 7, 51, 52, 1000, 100_000]) func answersAsPromised(count: Int) throws {
    let keys = (0..<count).map { Array("timeline/\($0 * 2)".utf8) }
    let filters = try filters(keys)
    for key in keys { #expect(mayContain(filters, key)) }
    let wrong = (0..<100_000).filter { mayContain(filters, Array("timeline/\($0 * 2 + 1)".utf8)) }.count
    #expect(Double(wrong) / 100_000 < 0.015)
    #expect(filters.memoryBytes <= count * BloomFilter.bitsPerHash / 8 + 256)
  }

  /// Every way in which a filter's payload can be the wrong one.
  @Test func aForgedPayloadIsRefused() throws {
    var builder = FilterBuilder(rule: .fixedLength(3))
    for number in 0..<100 { Array("\(number + 1000)".utf8).withUnsafeBytes { builder.add($0) } }
    let good = builder.encoded()
    func isRead(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { SegmentFilters($0) } != nil }
    func with(_ offset: Int, _ number: UInt32) -> [UInt8] {
      var bytes = good
      bytes.overwrite(at: offset, littleEndian: number)
      return bytes
    }
    func with(_ offset: Int, byte: UInt8) -> [UInt8] {
      var bytes = good
      bytes[offset] = byte
      return bytes
    }
    #expect(isRead(good))
    for length in 0..<good.count { #expect(!isRead(Array(good[..<length]))) }
    #expect(!isRead(good + [0]))
    #expect(!isRead(good + [UInt8](repeating: 0, count: 64)))
    for algorithm in 0...255 as ClosedRange<UInt8> where algorithm != 1 {
      #expect(!isRead(with(0, byte: algorithm)))
    }
    for probes in 0...255 as ClosedRange<UInt8> {
      #expect(isRead(with(1, byte: probes)) == (1...7).contains(probes))
    }
    for rule in 0...255 as ClosedRange<UInt8> {
      #expect(isRead(with(2, byte: rule)) == (rule == 1 || rule == 2))
    }
    for byte in 1...255 as ClosedRange<UInt8> { #expect(!isRead(with(3, byte: byte))) }
    for (number, expected) in [(0, false), (1, true), (65_536, true), (65_537, false), (.max, false)] {
      #expect(isRead(with(4, UInt32(truncatingIfNeeded: number as Int))) == expected)
    }
    let lines = (key: BloomFilter.lineCount(100), prefix: BloomFilter.lineCount(10))
    #expect(lines == (2, 1))
    for keyLines in [0, 1, 3, 4, .max] as [UInt32] { #expect(!isRead(with(8, keyLines))) }
    for prefixLines in [0, 2, .max] as [UInt32] { #expect(!isRead(with(12, prefixLines))) }
    // A length that fits, but no key at all.
    var moved = with(8, 0)
    moved.overwrite(at: 12, littleEndian: UInt32(3))
    #expect(!isRead(moved))
    // Prefixes without a rule.
    var unruled = with(4, 0)
    unruled[2] = 0
    #expect(!isRead(unruled))
  }

  // MARK: In segments

  static let rules: [PrefixRule] = [
    .none, .fixedLength(1), .fixedLength(3), .tupleElements(1), .tupleElements(2),
  ]

  /// Segments of all shapes of keys: what they have is never denied, by key or by any prefix.
  @Test(arguments: 0..<30) func nothingIsDenied(seed: Int) throws {
    let rule = Self.rules[seed % Self.rules.count]
    let model = SegmentModel(seed: UInt64(seed), count: 400)
    let reader = try SegmentReader(model.bytes(options: SegmentOptions(blockBytes: 300, prefixRule: rule)))
    for entry in model.entries {
      #expect(entry.key.withUnsafeBytes { reader.mayContain(key: $0) })
      for length in 0...min(entry.key.count, 64) {
        #expect(entry.key[..<length].withUnsafeBytes { reader.mayContain(prefix: $0) })
      }
    }
  }

  @Test(arguments: rules) func prefixesAreTold(rule: PrefixRule) throws {
    let runs = (0..<200).map { "r\($0 + 100)" }
    let keys = runs.flatMap { run in
      (0..<20).map { Tuple(.string(run), "event", .integer(Int64($0))).encoded() }
    }
    let entries = keys.sorted { $0.lexicographicallyPrecedes($1) }.map {
      ModelEntry(key: $0, trailer: EntryTrailer(sequence: 1, kind: .value), value: [])
    }
    let reader = try SegmentReader(
      SegmentModel(entries: entries).bytes(options: SegmentOptions(prefixRule: rule)))
    let maybe = (0..<2000).filter { number in
      let absent = Tuple(.string("s\(number)"), "event").encoded()
      return absent.withUnsafeBytes { reader.mayContain(prefix: $0) }
    }.count
    switch rule {
    case .none: #expect(maybe == 2000)
    // All begin with "r", and the others with "s": one prefix, which the filter has or has not.
    case .fixedLength(1): #expect(maybe == 2000)
    case .fixedLength: #expect(maybe < 2000)
    case .tupleElements: #expect(maybe < 60)
    }
    // Too short to be a prefix by the rule: no answer.
    #expect(([2] as [UInt8]).withUnsafeBytes { reader.mayContain(prefix: $0) })
  }

  @Test func aSegmentWithoutEntriesHasNoFilters() throws {
    let model = SegmentModel(
      entries: [], tombstones: [RangeTombstone(lower: [1], upper: [2], sequence: 7)])
    let reader = try SegmentReader(model.bytes())
    #expect(([1] as [UInt8]).withUnsafeBytes { reader.mayContain(key: $0) })
  }
}

/// Which bytes are a key's prefix, against definitions that are slower and simpler.
@Suite struct PrefixRuleTests {
  private func prefix(_ rule: PrefixRule, _ key: [UInt8]) -> [UInt8]? {
    key.withUnsafeBytes { bytes in rule.prefix(of: bytes).map { [UInt8]($0) } }
  }

  @Test func fixedLengths() {
    for count in 1...4 {
      for length in 0...6 {
        let key = Array(UInt8(0)..<UInt8(length))
        #expect(prefix(.fixedLength(count), key) == (length < count ? nil : Array(key.prefix(count))))
      }
    }
    #expect(prefix(.none, [1, 2, 3]) == nil)
  }

  /// All keys of a range, and of all ranges over a small alphabet: the prefix they share is the longest.
  @Test func sharedPrefixesAgreeWithEnumeration() {
    let alphabet: [UInt8] = [0, 1, 0xFE, 0xFF]
    var keys: [[UInt8]] = [[]]
    var longest = keys
    for _ in 0..<3 {
      longest = longest.flatMap { key in alphabet.map { key + [$0] } }
      keys += longest
    }
    keys.sort { $0.lexicographicallyPrecedes($1) }
    for lower in keys where lower.count < 3 {
      for upper in keys.filter({ $0.count < 3 }).map(Optional.some) + [nil] {
        let range = KeyRange(from: lower, to: upper)
        let prefix = Array(range.sharedPrefix)
        #expect(lower.starts(with: prefix))
        for key in keys where range.contains(key) {
          #expect(key.starts(with: prefix), "\(key) in \(range)")
        }
      }
    }
    // A scan by prefix shares exactly that prefix.
    for key in keys { #expect(Array(KeyRange.prefix(key).sharedPrefix) == key) }
    for key in keys where !key.isEmpty {
      #expect(Array(KeyRange(from: key + [5], to: key + [9, 0]).sharedPrefix) == key)
      #expect(Array(KeyRange.key(key).sharedPrefix) == key)
    }
  }
}
