/// The payload of the range-removal block: a u32 count, then for each removal
///
///     u64 sequence │ u8 1 if it has an upper bound, else 0 │ varint length, lower │ varint length, upper
///
/// by ascending lower bound, then by descending sequence.
enum RangeRemovalBlock {
  static func encode(_ tombstones: [RangeTombstone]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt32(truncatingIfNeeded: tombstones.count))
    for tombstone in tombstones {
      bytes.append(littleEndian: tombstone.sequence)
      bytes.append(tombstone.upper == nil ? 0 : 1)
      bytes.append(lengthPrefixed: tombstone.lower)
      if let upper = tombstone.upper { bytes.append(lengthPrefixed: upper) }
    }
    return bytes
  }

  /// `nil` when the bytes are not such a payload: lengths, order, and that no range is empty, are checked.
  /// - Parameter sequenceBase: what is added to every sequence number.
  static func decode(_ bytes: UnsafeRawBufferPointer, sequenceBase: UInt64 = 0) -> [RangeTombstone]? {
    var reader = ByteReader(bytes)
    guard let count = reader.readInteger(UInt32.self), count > 0 else { return nil }
    var result: [RangeTombstone] = []
    for _ in 0..<count {
      guard let stored = reader.readInteger(UInt64.self),
        case (let sequence, let overflow) = stored.addingReportingOverflow(sequenceBase), !overflow,
        sequence <= EntryTrailer.greatestStoredSequence, let bounded = reader.readInteger(UInt8.self),
        bounded <= 1,
        let lower = reader.readLengthPrefixed(limit: SegmentFormat.longestBound)
      else { return nil }
      var tombstone = RangeTombstone(lower: [UInt8](lower), upper: nil, sequence: sequence)
      if bounded == 1 {
        guard let upper = reader.readLengthPrefixed(limit: SegmentFormat.longestBound) else { return nil }
        tombstone.upper = [UInt8](upper)
      }
      guard !isEmpty(tombstone), result.last.map({ !precedes(tombstone, $0) }) ?? true else { return nil }
      result.append(tombstone)
    }
    return reader.isAtEnd ? result : nil
  }

  static func isEmpty(_ tombstone: RangeTombstone) -> Bool {
    guard let upper = tombstone.upper else { return false }
    return !tombstone.lower.lexicographicallyPrecedes(upper)
  }

  /// The order of removals in the block.
  static func precedes(_ left: RangeTombstone, _ right: RangeTombstone) -> Bool {
    if left.lower != right.lower { return left.lower.lexicographicallyPrecedes(right.lower) }
    return left.sequence > right.sequence
  }
}
