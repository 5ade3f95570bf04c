import CairnKV

/// Reads the operations of one batch, from memory that nobody vouches for.
struct BatchDecoder {
  enum Operation {
    case removal(key: UnsafeRawBufferPointer)
    case value(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)
    case rangeRemoval(lower: UnsafeRawBufferPointer, upper: UnsafeRawBufferPointer?)
  }

  private var reader: ByteReader

  init(_ bytes: UnsafeRawBufferPointer) {
    reader = ByteReader(bytes)
  }

  var isAtEnd: Bool { reader.isAtEnd }

  /// The next operation; `nil` when there is none, or what follows is none.
  mutating func next() -> Operation? {
    guard let kind = reader.readInteger(UInt8.self), let operation = WriteBatch.Operation(rawValue: kind)
    else {
      return nil
    }
    switch operation {
    case .removal:
      return reader.readLengthPrefixed(limit: StorageLimits.keyBytes).map { .removal(key: $0) }
    case .value:
      guard let key = reader.readLengthPrefixed(limit: StorageLimits.keyBytes),
        let value = reader.readLengthPrefixed(limit: StorageLimits.valueBytes)
      else { return nil }
      return .value(key: key, value: value)
    case .openRangeRemoval:
      return reader.readLengthPrefixed(limit: StorageLimits.keyBytes + 1).map {
        .rangeRemoval(lower: $0, upper: nil)
      }
    case .rangeRemoval:
      guard let lower = reader.readLengthPrefixed(limit: StorageLimits.keyBytes + 1),
        let upper = reader.readLengthPrefixed(limit: StorageLimits.keyBytes + 1)
      else { return nil }
      return .rangeRemoval(lower: lower, upper: upper)
    }
  }

  /// Adds the operations of a batch to a memtable, with sequence numbers from `firstSequence` on.
  ///
  /// - Parameter inPlace: Whether large values are left where they are, in memory that the memtable is about to
  ///   adopt.
  /// - Parameter skipping: operations, by index, that take a number but are left out.
  /// - Returns: whether the batch was exactly `count` operations. When it was not, part of it may have been
  ///   added.
  static func apply(
    _ bytes: UnsafeRawBufferPointer, count: UInt32, firstSequence: UInt64, to memtable: Memtable,
    inPlace: Bool = false, skipping: Set<UInt32> = []
  ) -> Bool {
    var decoder = BatchDecoder(bytes)
    let noValue = UnsafeRawBufferPointer(start: nil, count: 0)
    for index in 0..<count {
      guard let operation = decoder.next() else { return false }
      if skipping.contains(index) { continue }
      let sequence = firstSequence + UInt64(index)
      switch operation {
      case .removal(let key):
        memtable.insert(key: key, trailer: EntryTrailer(sequence: sequence, kind: .removal), value: noValue)
      case .value(let key, let value):
        memtable.insert(
          key: key, trailer: EntryTrailer(sequence: sequence, kind: .value), value: value,
          inPlace: inPlace && value.count >= WriteBatch.leastLargeValue)
      case .rangeRemoval(let lower, let upper):
        memtable.insert(
          RangeTombstone(lower: [UInt8](lower), upper: upper.map { [UInt8]($0) }, sequence: sequence))
      }
    }
    return decoder.isAtEnd
  }
}

/// The batches in the payload of a commit group's frame: each a header of 12 bytes (u32 operations, u64
/// length) and its operations. Normative in format-spec.md, "Batches".
enum BatchGroup {
  static let headerBytes = 12

  static func append(_ batch: WriteBatch, to buffer: FrameBuffer) {
    var header: [UInt8] = []
    header.reserveCapacity(headerBytes)
    header.append(littleEndian: batch.count)
    header.append(littleEndian: UInt64(batch.byteCount))
    header.withUnsafeBytes { buffer.append($0) }
    batch.forEachPiece { buffer.append($0) }
  }

  /// Adds every batch of a payload to a memtable.
  /// - Returns: how many operations there were; `nil` when the payload is not `batchCount` batches.
  static func replay(
    _ payload: UnsafeRawBufferPointer, batchCount: UInt32, firstSequence: UInt64, to memtable: Memtable
  ) -> UInt64? {
    guard firstSequence <= EntryTrailer.firstOwnSequence else { return nil }
    var reader = ByteReader(payload)
    var sequence = firstSequence
    for _ in 0..<batchCount {
      guard let count = reader.readInteger(UInt32.self), let length = reader.readInteger(UInt64.self),
        count > 0,
        let lengthInMemory = Int(exactly: length), let bytes = reader.readBytes(lengthInMemory),
        sequence <= EntryTrailer.firstOwnSequence,
        UInt64(count) <= EntryTrailer.firstOwnSequence - sequence,
        BatchDecoder.apply(bytes, count: count, firstSequence: sequence, to: memtable)
      else { return nil }
      sequence += UInt64(count)
    }
    return reader.isAtEnd ? sequence - firstSequence : nil
  }
}
