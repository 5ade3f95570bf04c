import CairnKV
import FuzzKit

@testable import CairnEngine

/// A whole value file: footer, index, chunk tables, chunks.
struct ValueFileFuzz: FuzzTarget {
  static let name = "value-file"
  static let share = 70
  private let seeds: [ValueFileImage]

  init() throws {
    let short: [[UInt8]] = [[], [1], [UInt8](repeating: 3, count: 300), [UInt8](0...99)]
    let long = [UInt8](repeating: 9, count: ValueFileFormat.chunkBytes + 5)
    seeds = try [
      ValueFileModel(short), ValueFileModel(short, level: 1), ValueFileModel([long, [2, 3]], level: 1),
    ].map { try ValueFileImage($0.bytes, number: ValueFileModel.fileNumber) }
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    var image = seeds[random.chance(1, in: 16) ? 2 : random.below(2)]
    let other = seeds[random.below(seeds.count)]
    for _ in 0...random.below(3) { image.change(with: other, using: &random) }
    var bytes = image.encoded()
    if random.chance(1, in: 24) { Mutation.change(&bytes, using: &random) }
    do {
      let reader = try ValueFileReader(
        file: MemoryFile(bytes, path: "a.values"), fileNumber: ValueFileModel.fileNumber)
      try demand(reader.memoryBytes <= 1024 + 3 * bytes.count, "\(reader.memoryBytes) of \(bytes.count)")
      var end: UInt64 = 0
      for record in reader.records {
        try demand(record.offset == end && record.end <= UInt64(bytes.count), "\(record)")
        end = record.end
        try demand(try reader.record(record.name) == record, "\(record) is not found")
        try read(record, reader, fileBytes: bytes.count, &random)
      }
      return .accepted
    } catch let error as StorageError {
      return try demandRefusal(error, naming: "a.values")
    }
  }

  private func read(
    _ record: ValueRecord, _ reader: ValueFileReader, fileBytes: Int, _ random: inout FuzzRandom
  ) throws(StorageError) {
    try reader.forEachStoredChunk(of: record) { _ in }
    // What zstd can make of so few bytes; a value that claims more has chunks that fail.
    var count: UInt64 = 0
    try reader.forEachPiece(record.handle) { piece in
      count += UInt64(piece.count)
      return .proceed
    }
    guard count == record.rawBytes else {
      throw StorageError(.internalInconsistency, "\(count) bytes in pieces, not \(record.rawBytes)")
    }
    let whole = try reader.read(record.handle)
    let lower = UInt64(random.below(whole.count + 1))
    let upper = lower + UInt64(random.below(whole.count - Int(lower) + 1))
    let part = try reader.read(record.handle, range: lower..<upper)
    guard UInt64(whole.count) == count, part == Array(whole[Int(lower)..<Int(upper)]) else {
      throw StorageError(.internalInconsistency, "a piece that is not of the whole")
    }
  }
}

/// The footer of a value file alone.
struct ValueFooterFuzz: FuzzTarget {
  static let name = "value-footer"
  static let share = 20
  private let bytes: [UInt8]
  private let offset: UInt64

  init() throws {
    let file = try ValueFileModel([[1], [2, 3]]).bytes
    bytes = Array(file.suffix(ValueFileFormat.footerBytes))
    offset = UInt64(file.count - ValueFileFormat.footerBytes)
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    var bytes = bytes
    Mutation.change(&bytes, keepingLength: !random.chance(1, in: 32), using: &random)
    if !random.chance(1, in: 16), bytes.count == ValueFileFormat.footerBytes {
      SegmentImage.sign(&bytes, at: offset)
    }
    do {
      let footer = try withBytes(of: bytes) { (bytes) throws(StorageError) in
        try ValueFileFooter(bytes, at: offset, fileNumber: ValueFileModel.fileNumber, file: "a")
      }
      try demand(footer.indexOffset <= offset && footer.recordCount <= offset / 24, "\(footer)")
      return .accepted
    } catch let error as StorageError {
      return try demandRefusal(error, naming: "a")
    }
  }
}

/// What the manifest and the tree say of value files: handles, properties, sets of ordinals, liveness, drops.
struct ValueCodesFuzz: FuzzTarget {
  static let name = "value-codes"
  static let share = 60
  private let seeds: [[UInt8]]
  private let liveness: ValueLiveness

  init() throws {
    let handles = (0..<40).filter { $0 % 5 != 2 }.map {
      ValueHandle(origin: 7, ordinal: UInt32($0), rawBytes: 100, storedBytes: 80)
    }
    guard var liveness = ValueLiveness(origin: 7, recordCount: 50, storedBytes: 4000),
      let drops = ValueDrops(origin: 7, handles.prefix(12)), liveness.drop(drops),
      let more = ValueDrops(origin: 7, handles.suffix(9)), let set = OrdinalSet([0, 1, 2, 9, 300, 70_000])
    else { throw FuzzFinding("there are no seeds") }
    var properties = ValueFileProperties(fileNumber: 9)
    properties.origins = [
      .init(number: 3, recordCount: 4, storedBytes: 400), .init(number: 9, recordCount: 1, storedBytes: 90),
    ]
    properties.rawBytes = 500
    var bytes: [UInt8] = []
    set.encode(to: &bytes)
    seeds = [handles[3].encoded(), properties.encoded(), bytes, liveness.encoded(), more.encoded()]
    self.liveness = liveness
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    let kind = random.below(seeds.count)
    var bytes = seeds[kind]
    Mutation.change(&bytes, with: seeds[random.below(seeds.count)], using: &random)
    let input = bytes
    let again: [UInt8]? = try bytes.withUnsafeBytes { bytes in
      switch kind {
      case 0: return ValueHandle(decoding: bytes)?.encoded()
      case 1: return try check(ValueFileProperties(decoding: bytes))
      case 2: return try check(bytes, &random)
      case 3:
        guard let liveness = ValueLiveness(decoding: bytes) else { return nil }
        try check(liveness)
        return liveness.encoded()
      default:
        guard let drops = ValueDrops(decoding: bytes) else { return nil }
        var liveness = liveness
        if liveness.drop(drops) { try check(liveness) }
        return drops.encoded()
      }
    }
    guard let again else { return .rejected }
    try demand(again == input, "\(input) is written as \(again)")
    return .accepted
  }

  private func check(_ properties: ValueFileProperties?) throws(FuzzFinding) -> [UInt8]? {
    guard let properties else { return nil }
    try demand(properties.fileBytes <= UInt64(Int64.max), "\(properties)")
    return properties.encoded()
  }

  /// A set of ordinals at the beginning of `bytes`, which need not use them up.
  private func check(_ bytes: UnsafeRawBufferPointer, _ random: inout FuzzRandom) throws(FuzzFinding)
    -> [UInt8]?
  {
    var reader = ByteReader(bytes)
    guard let set = OrdinalSet(decodingFrom: &reader), reader.isAtEnd else { return nil }
    let other = liveness.dead
    var union = set
    if union.formDisjointUnion(other) {
      try demand(UInt64(union.count) == UInt64(set.count) + UInt64(other.count), "a union of other size")
    }
    if let greatest = set.greatest {
      let rest = set.complement(below: greatest + 1)
      try demand(UInt64(rest.count) + UInt64(set.count) == UInt64(greatest) + 1, "a complement of other size")
      try demand(set.contains(greatest), "\(greatest) is not in its set")
    }
    _ = set.contains(UInt32(truncatingIfNeeded: random.next()))
    var encoded: [UInt8] = []
    set.encode(to: &encoded)
    return encoded
  }

  private func check(_ liveness: ValueLiveness) throws(FuzzFinding) {
    try demand(
      liveness.liveCount <= liveness.recordCount && liveness.liveBytes <= liveness.storedBytes, "\(liveness)")
    let live = liveness.liveOrdinals
    try demand(live.count == liveness.liveCount, "\(liveness)")
    if let greatest = live.greatest { try demand(liveness.isLive(greatest), "\(liveness)") }
  }
}
