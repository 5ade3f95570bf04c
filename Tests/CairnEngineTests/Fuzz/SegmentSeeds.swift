import CairnKV

@testable import CairnEngine

/// Small valid segments with every kind of part.
enum SegmentSeeds {
  static let number = SegmentModel.fileNumber

  static func segments() throws -> [[UInt8]] {
    let handle = ValueHandle(origin: 3, ordinal: 1, rawBytes: 400, storedBytes: 50)
    func entry(_ key: String, _ sequence: UInt64, _ kind: EntryKind = .value, _ value: [UInt8] = [1, 2, 3])
      -> ModelEntry
    {
      let stored = kind == .removal ? [] : kind == .handle ? handle.encoded() : value
      return ModelEntry(
        key: Array(key.utf8), trailer: EntryTrailer(sequence: sequence, kind: kind), value: stored)
    }
    let small = SegmentModel(
      entries: [
        entry("run/1", 3), entry("run/1", 2), entry("run/2", 4, .removal), entry("run/2/a", 9, .handle),
        entry("run/2/b", 8), entry("run/3", 7, .value, [UInt8](repeating: 5, count: 90)), entry("sun", 1),
      ],
      tombstones: [
        RangeTombstone(lower: [0x61], upper: [0x72, 0x75], sequence: 5),
        RangeTombstone(lower: [0x72], upper: nil, sequence: 6),
      ])
    let prose = (0..<60).map { number in
      entry(
        "key/\(100 + number)", UInt64(200 - number), .value, Array("the same words, again \(number % 7)".utf8)
      )
    }
    let removals = SegmentModel(
      entries: [], tombstones: (0..<5).map { RangeTombstone(lower: [$0], upper: [$0 + 2], sequence: 9) })
    return [
      try small.bytes(options: SegmentOptions(blockBytes: 60, prefixRule: .fixedLength(3))),
      try small.bytes(options: SegmentOptions(blockBytes: 4096, prefixRule: .tupleElements(2))),
      try SegmentModel(entries: prose).bytes(options: SegmentOptions(blockBytes: 600, compressionLevel: 1)),
      try removals.bytes(),
    ]
  }

  /// One whose blocks refer to a dictionary.
  static func withDictionary() throws -> [UInt8] {
    let entries = (0..<1200).map { number in
      ModelEntry(
        key: Array("key/\(10_000 + number)".utf8), trailer: EntryTrailer(sequence: 7, kind: .value),
        value: Array("the words of number \(number) are mostly those of number \(number / 7)".utf8))
    }
    return try SegmentModel(entries: entries).bytes(
      options: SegmentOptions(blockBytes: 1024, compressionLevel: 1, dictionaryBytes: 2048))
  }
}
