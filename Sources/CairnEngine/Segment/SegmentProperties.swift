import CairnKV

/// What a segment says of itself as a whole.
struct SegmentProperties: Hashable, Sendable {
  /// Where the keys of a segment end.
  enum UpperBound: Hashable, Sendable {
    case inclusive([UInt8])
    case exclusive([UInt8])
    /// A range removal reaches to the end of the key space.
    case unbounded

    /// Whether keys end earlier under `left` than under `right`.
    static func isLower(_ left: UpperBound, _ right: UpperBound) -> Bool {
      switch (left, right) {
      case (.unbounded, _): false
      case (_, .unbounded): true
      case (.exclusive(let a), .inclusive(let b)): !b.lexicographicallyPrecedes(a)
      case (.inclusive(let a), .exclusive(let b)), (.inclusive(let a), .inclusive(let b)),
        (.exclusive(let a), .exclusive(let b)):
        a.lexicographicallyPrecedes(b)
      }
    }
  }

  var formatVersion: UInt32 = SegmentFormat.version
  var fileNumber: UInt64
  var valueCount: UInt64 = 0
  var removalCount: UInt64 = 0
  var tombstoneCount: UInt64 = 0
  var blockCount: UInt64 = 0
  /// Over entries and range removals.
  var smallestSequence: UInt64 = .max
  var largestSequence: UInt64 = 0
  /// The first key that an entry has or a range removal covers.
  var lowerBound: [UInt8] = []
  /// The end of the keys that an entry has or a range removal covers.
  var upperBound = UpperBound.inclusive([])
  /// What the entries' keys and values take before any compression.
  var rawKeyBytes: UInt64 = 0
  var rawValueBytes: UInt64 = 0
  /// What the records of value files take that the entries refer to.
  var referencedBytes: UInt64 = 0
  /// The length of the whole file. Not stored in it.
  var fileBytes: UInt64 = 0
  /// What the manifest says is added to every sequence number in the file: an ingest writes its segments
  /// before its place in the order is decided. Not stored in the file. All numbers outside of it, those above
  /// too, have it in them.
  private(set) var sequenceBase: UInt64 = 0

  var entryCount: UInt64 { valueCount &+ removalCount }

  init(fileNumber: UInt64) {
    self.fileNumber = fileNumber
  }

  /// Widens bounds and sequences to cover `tombstone`. `isFirst`: there is nothing that they cover yet.
  mutating func cover(_ tombstone: RangeTombstone, isFirst: Bool) {
    if isFirst || tombstone.lower.lexicographicallyPrecedes(lowerBound) { lowerBound = tombstone.lower }
    let upper = tombstone.upper.map(UpperBound.exclusive) ?? .unbounded
    if isFirst || UpperBound.isLower(upperBound, upper) { upperBound = upper }
    smallestSequence = min(smallestSequence, tombstone.sequence)
    largestSequence = max(largestSequence, tombstone.sequence)
    tombstoneCount &+= 1
  }

  // MARK: The properties block
  //
  //     u32 format version, then as u64: file number, values, removals, range removals, blocks, smallest and
  //     largest sequence, raw key bytes, raw value bytes, referenced bytes; u8 upper bound (0 inclusive,
  //     1 exclusive, 2 none); varint length and bytes of the lower bound; the same of the upper bound, unless
  //     there is none

  /// As they stand in the file.
  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: formatVersion)
    for number in [
      fileNumber, valueCount, removalCount, tombstoneCount, blockCount, smallestSequence &- sequenceBase,
      largestSequence &- sequenceBase, rawKeyBytes, rawValueBytes, referencedBytes,
    ] {
      bytes.append(littleEndian: number)
    }
    switch upperBound {
    case .inclusive(let key):
      bytes.append(0)
      bytes.append(lengthPrefixed: lowerBound)
      bytes.append(lengthPrefixed: key)
    case .exclusive(let key):
      bytes.append(1)
      bytes.append(lengthPrefixed: lowerBound)
      bytes.append(lengthPrefixed: key)
    case .unbounded:
      bytes.append(2)
      bytes.append(lengthPrefixed: lowerBound)
    }
    return bytes
  }

  /// `nil` when the bytes are not a properties block.
  init?(_ bytes: UnsafeRawBufferPointer, fileBytes: UInt64, sequenceBase: UInt64 = 0) {
    var reader = ByteReader(bytes)
    guard let version = reader.readInteger(UInt32.self) else { return nil }
    var numbers: [UInt64] = []
    for _ in 0..<10 {
      guard let number = reader.readInteger(UInt64.self) else { return nil }
      numbers.append(number)
    }
    guard let bound = reader.readInteger(UInt8.self),
      let lower = reader.readLengthPrefixed(limit: SegmentFormat.longestBound)
    else { return nil }
    switch bound {
    case 0, 1:
      guard let upper = reader.readLengthPrefixed(limit: SegmentFormat.longestBound) else { return nil }
      upperBound = bound == 0 ? .inclusive([UInt8](upper)) : .exclusive([UInt8](upper))
    case 2: upperBound = .unbounded
    default: return nil
    }
    formatVersion = version
    fileNumber = numbers[0]
    valueCount = numbers[1]
    removalCount = numbers[2]
    tombstoneCount = numbers[3]
    blockCount = numbers[4]
    smallestSequence = numbers[5]
    largestSequence = numbers[6]
    rawKeyBytes = numbers[7]
    rawValueBytes = numbers[8]
    referencedBytes = numbers[9]
    lowerBound = [UInt8](lower)
    self.fileBytes = fileBytes
    guard reader.isAtEnd, isConsistent, let rebased = rebased(by: sequenceBase) else { return nil }
    self = rebased
  }

  /// The same with a base, for one that has none; `nil` when a sequence number becomes greater than any that
  /// is stored.
  func rebased(by base: UInt64) -> SegmentProperties? {
    let (largest, overflow) = largestSequence.addingReportingOverflow(base)
    guard sequenceBase == 0, !overflow, largest <= EntryTrailer.greatestStoredSequence else { return nil }
    var result = self
    result.sequenceBase = base
    result.smallestSequence &+= base
    result.largestSequence = largest
    return result
  }

  private var isConsistent: Bool {
    guard formatVersion == SegmentFormat.version, smallestSequence <= largestSequence,
      largestSequence <= EntryTrailer.greatestStoredSequence,
      !valueCount.addingReportingOverflow(removalCount).overflow,
      blockCount <= entryCount, entryCount > 0 || tombstoneCount > 0
    else { return false }
    switch upperBound {
    case .inclusive(let upper): return !upper.lexicographicallyPrecedes(lowerBound)
    case .exclusive(let upper): return lowerBound.lexicographicallyPrecedes(upper)
    case .unbounded: return true
    }
  }
}
