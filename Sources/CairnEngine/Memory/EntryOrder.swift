/// What an entry does to its key.
enum EntryKind: UInt8, Sendable {
  case removal = 0
  case value = 1
  /// The value is in a value file; here stands its ``ValueHandle``. Only in segments: a flush makes them.
  case handle = 2
}

/// The eight bytes that follow every key inside the engine: the entry's sequence number and its kind.
///
/// Entries are ordered by key, and for one key from the newest to the oldest: by descending trailer.
struct EntryTrailer: RawRepresentable, Hashable, Sendable {
  let rawValue: UInt64

  @inline(__always) init(rawValue: UInt64) { self.rawValue = rawValue }

  @inline(__always) init(sequence: UInt64, kind: EntryKind) {
    rawValue = sequence << 8 | UInt64(kind.rawValue)
  }

  @inline(__always) var sequence: UInt64 { rawValue >> 8 }
  /// `nil` for a kind that this program does not know, which only a damaged file can hold.
  @inline(__always) var kind: EntryKind? { EntryKind(rawValue: UInt8(truncatingIfNeeded: rawValue)) }

  /// Whether the entry gives its key a value, wherever that is.
  @inline(__always) var isValue: Bool { kind == .value || kind == .handle }

  /// The same with a greater sequence number; `nil` when that is greater than any that is stored.
  func rebased(by base: UInt64) -> EntryTrailer? {
    let (sum, overflow) = sequence.addingReportingOverflow(base)
    guard !overflow, sum <= Self.greatestStoredSequence else { return nil }
    return EntryTrailer(rawValue: sum << 8 | rawValue & 0xFF)
  }

  /// Sorts before every entry of its key.
  static let newest = EntryTrailer(rawValue: .max)
  /// Sorts before the entries of its key with this sequence number or an older one, and after newer ones.
  @inline(__always) static func newest(visibleAt sequence: UInt64) -> EntryTrailer {
    EntryTrailer(rawValue: sequence << 8 | 0xFF)
  }

  /// The greatest number that fits: sequence numbers have 56 bits.
  static let greatestSequence: UInt64 = 1 << 56 - 1
  /// A transaction's own writes carry numbers from here on until it commits: newer than all that is stored.
  static let firstOwnSequence: UInt64 = 1 << 55
  /// The greatest number that anything stored may carry.
  static let greatestStoredSequence = firstOwnSequence - 1
}

/// The order of keys and entries. Free functions on raw memory, so that they are inlined everywhere.
enum EntryOrder {
  /// Negative, zero or positive as `left` sorts before, with or after `right`, byte by byte.
  ///
  /// Compares eight bytes at a time: `memcmp` costs about twice as much on keys of a few dozen bytes.
  @inline(__always)
  static func compare(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    let common = min(left.count, right.count)
    guard common > 0, let a = left.baseAddress, let b = right.baseAddress else {
      return left.count - right.count
    }
    var offset = 0
    while offset + 8 <= common {
      let x = a.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let y = b.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      if x != y { return x.bigEndian < y.bigEndian ? -1 : 1 }
      offset += 8
    }
    while offset < common {
      let x = a.load(fromByteOffset: offset, as: UInt8.self)
      let y = b.load(fromByteOffset: offset, as: UInt8.self)
      if x != y { return x < y ? -1 : 1 }
      offset += 1
    }
    return left.count - right.count
  }

  /// The same for whole entries: by key, then from the newest trailer to the oldest.
  @inline(__always)
  static func compare(
    _ left: UnsafeRawBufferPointer, _ leftTrailer: EntryTrailer,
    _ right: UnsafeRawBufferPointer, _ rightTrailer: EntryTrailer
  ) -> Int {
    let keys = compare(left, right)
    if keys != 0 { return keys }
    if leftTrailer.rawValue == rightTrailer.rawValue { return 0 }
    return leftTrailer.rawValue > rightTrailer.rawValue ? -1 : 1
  }
}
