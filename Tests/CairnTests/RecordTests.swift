import CairnTesting
import Testing

@testable import Cairn

extension ReadableRecord {
  fileprivate init(_ bytes: [UInt8], at key: [UInt8]) throws {
    self = try bytes.withUnsafeBytes { try Self($0.bytes, at: key) }
  }
}

@Suite struct RecordTests {
  /// One kind of record: reads bytes and writes back what they said.
  struct Kind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let rewritten: @Sendable ([UInt8]) throws -> [UInt8]
    let samples: [[UInt8]]

    init<Record: StoredRecord & SendableMetatype>(_ samples: Record...) {
      testDescription = "\(Record.self)"
      rewritten = { try Record($0, at: [7]).encoded().bytes }
      self.samples = samples.map { $0.encoded().bytes }
    }

    /// Events are written without the position that they are read with.
    static let event = Kind("event") { bytes in
      let event = try EventRecord.Stored(bytes, at: [7])
      return EventRecord.Pending(addend: 0, time: event.time, payload: event.payload).encoded()
        .resolved(at: event.position)
    } samples: {
      [
        EventRecord.Pending(
          addend: 0, time: Timestamp(microseconds: 1_700_000_000_000_000), payload: [1, 2]),
        EventRecord.Pending(addend: 3, time: Timestamp(microseconds: -1), payload: []),
      ].map { $0.encoded().resolved(at: CommitPosition(rawValue: 0x0102_0304_0506_0708)) }
    }

    private init(
      _ name: String, rewritten: @escaping @Sendable ([UInt8]) throws -> [UInt8], samples: () -> [[UInt8]]
    ) {
      testDescription = name
      self.rewritten = rewritten
      self.samples = samples()
    }

    static let all: [Kind] = [
      Kind(Layout()),
      Kind(SequenceHead(last: 1), SequenceHead(last: 300), SequenceHead(last: .max)),
      Kind(
        CheckpointRecord(
          parent: nil, step: 0, time: Timestamp(microseconds: 0), tags: [:], metadata: nil),
        CheckpointRecord(
          parent: 24, step: -1, time: Timestamp(microseconds: .min),
          tags: ["": "e", "b": "", "a": "x", "long": "é\u{0}", "aa": String(repeating: "y", count: 30)],
          metadata: [UInt8](repeating: 9, count: 256)),
        CheckpointRecord(
          parent: .max, step: .min, time: Timestamp(microseconds: .max), tags: ["k": "v"], metadata: [])),
      Kind(
        StateRecord(payload: []), StateRecord(payload: [UInt8](repeating: 3, count: 400))),
      Kind(OrderedEventRecord(journal: "audit", version: 65_536)),
      Kind(OnceRecord(versions: 1..<1), OnceRecord(versions: 5..<UInt64.max)),
      event,
    ]
  }

  @Test(arguments: Kind.all)
  func whatIsWrittenIsReadBack(_ kind: Kind) throws {
    for sample in kind.samples { #expect(try kind.rewritten(sample) == sample) }
  }

  /// Every bit of a record flipped, every prefix of it, every byte put behind it: it is refused, or it is the
  /// one encoding of some other record. Nothing that is read can have been written in another way.
  @Test(arguments: Kind.all)
  func otherBytesAreRefusedOrAnotherRecord(_ kind: Kind) {
    for sample in kind.samples {
      for count in 0..<sample.count where count < 600 || count > sample.count - 9 {
        #expect(throws: StoreError.self) { try kind.rewritten(Array(sample[..<count])) }
      }
      for byte in UInt8.min ... .max {
        #expect(throws: StoreError.self) { try kind.rewritten(sample + [byte]) }
      }
      for offset in sample.indices.prefix(600) {
        for bit in UInt8(0)..<8 {
          var flipped = sample
          flipped[offset] ^= 1 << bit
          if let rewritten = try? kind.rewritten(flipped) { #expect(rewritten == flipped) }
        }
      }
    }
  }

  @Test(arguments: Kind.all)
  func noiseIsRefusedOrARecord(_ kind: Kind) {
    var random = SeededGenerator(seed: 11)
    for _ in 0..<5_000 {
      // Bytes that begin as some record does get further than others.
      var bytes = Array(
        (kind.samples.randomElement(using: &random) ?? []).prefix(Int.random(in: 0...12, using: &random)))
      for _ in 0..<Int.random(in: 0...24, using: &random) {
        bytes.append(UInt8.random(in: 0...255, using: &random))
      }
      if let rewritten = try? kind.rewritten(bytes) { #expect(rewritten == bytes) }
    }
  }

  @Test(
    arguments: [
      ("no format", [0x80]),
      ("unknown format", [0x82, 0x02, 0x05]),
      ("one item too many", [0x83, 0x01, 0x05, 0x05]),
      ("number that is not shortest", [0x82, 0x01, 0x18, 0x05]),
      ("zero", [0x82, 0x01, 0x00]),
      ("array of unknown length", [0x9F, 0x01, 0x05, 0xFF]),
      ("negative number", [0x82, 0x01, 0x20]),
      ("reserved length", [0x82, 0x01, 0x1C]),
      ("nothing", []),
    ] as [(String, [UInt8])])
  func headsThatAreNone(_ what: String, _ bytes: [UInt8]) {
    #expect(throws: StoreError.self, "\(what)") { try SequenceHead(bytes, at: []) }
  }

  /// A length that lies must not be believed before the bytes are there.
  @Test func lengthsThatLie() {
    let enormous: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
    #expect(throws: StoreError.self) { try StateRecord([0x82, 0x01, 0x5B] + enormous, at: []) }
    #expect(throws: StoreError.self) {
      try CheckpointRecord([0x86, 0x01, 0xF6, 0x00, 0x00, 0xBB] + enormous, at: [])
    }
    #expect(throws: StoreError.self) { try OnceRecord([0x83, 0x01, 0x01, 0x1B] + enormous, at: []) }
  }

  /// The bytes in the specification's examples.
  @Test func examplesOfTheSpecification() {
    #expect(SequenceHead(last: 42).encoded().bytes == [0x82, 0x01, 0x18, 0x2A])
    let event = EventRecord.Pending(addend: 1, time: Timestamp(microseconds: 256), payload: [0xF5])
    #expect(
      event.encoded().resolved(at: CommitPosition(rawValue: 6))
        == [0x84, 0x01, 0x48, 0, 0, 0, 0, 0, 0, 0, 7, 0x19, 0x01, 0x00, 0x41, 0xF5])
    let checkpoint = CheckpointRecord(
      parent: 1, step: -1, time: Timestamp(microseconds: 0), tags: ["b": "", "aa": "", "a": "x"],
      metadata: nil)
    #expect(
      checkpoint.encoded().bytes
        == [
          0x86, 0x01, 0x01, 0x20, 0x00, 0xA3, 0x61, 0x61, 0x61, 0x78, 0x61, 0x62, 0x60, 0x62, 0x61, 0x61,
          0x60, 0xF6,
        ])
  }
}
