/// A chunk of a value, in the file.
struct ValueChunk: Hashable, Sendable {
  var offset: UInt64
  /// Equal to `rawBytes` when the chunk stands there as it is; less when it is a zstd frame.
  var storedBytes: Int
  var rawBytes: Int
  var checksum: UInt32

  var isCompressed: Bool { storedBytes < rawBytes }
}

/// What follows the chunks of a record:
///
///     for each chunk:  u32 stored length │ u32 checksum
///     u32 checksum
///
/// Behind the chunks, so that a writer need not hold them all to know it. Its length follows from the
/// value's, so that a reader finds it from the record's end. A chunk's checksum covers its stored bytes; the
/// table's covers the table, and then what the record is called and how long its value is. Both go on over
/// file number, salt and the place, as all checksums of the file do.
struct ValueChunkTable {
  private(set) var bytes: [UInt8] = []

  /// Appends the entry of the next chunk.
  mutating func append(stored: UnsafeRawBufferPointer, at offset: UInt64, identity: SegmentIdentity) {
    bytes.append(littleEndian: UInt32(truncatingIfNeeded: stored.count))
    bytes.append(littleEndian: Self.checksum(of: stored, at: offset, identity: identity))
  }

  /// Ends the table with its checksum. It begins at `offset`.
  mutating func finish(at offset: UInt64, name: ValueName, rawBytes: UInt64, identity: SegmentIdentity) {
    let checksum = bytes.withUnsafeBytes {
      Self.checksum(ofTable: $0, at: offset, name: name, rawBytes: rawBytes, identity: identity)
    }
    bytes.append(littleEndian: checksum)
  }

  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  static func checksum(
    of stored: UnsafeRawBufferPointer, at offset: UInt64, identity: SegmentIdentity
  ) -> UInt32 {
    identity.checksum(at: offset, stored, UnsafeRawBufferPointer(start: nil, count: 0))
  }

  private static func checksum(
    ofTable entries: UnsafeRawBufferPointer, at offset: UInt64, name: ValueName, rawBytes: UInt64,
    identity: SegmentIdentity
  ) -> UInt32 {
    let meaning = (name.origin.littleEndian, UInt64(name.ordinal).littleEndian, rawBytes.littleEndian)
    return withUnsafeBytes(of: meaning) { identity.checksum(at: offset, entries, $0) }
  }

  /// The chunks of `record`, whose table `bytes` is. `nil` when the checksum fails, or when the chunks do not
  /// fill exactly what the record has for them.
  static func decode(
    _ bytes: UnsafeRawBufferPointer, of record: ValueRecord, identity: SegmentIdentity
  ) -> [ValueChunk]? {
    let count = ValueFileFormat.chunkCount(rawBytes: record.rawBytes)
    guard bytes.count == ValueFileFormat.tableBytes(rawBytes: record.rawBytes),
      record.storedBytes >= UInt64(bytes.count)
    else { return nil }
    let tableOffset = record.end &- UInt64(bytes.count)
    let entries = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - ValueFileFormat.checksumBytes)])
    var reader = ByteReader(bytes)
    var chunks: [ValueChunk] = []
    chunks.reserveCapacity(count)
    var offset = record.offset
    var rest = record.rawBytes
    for _ in 0..<count {
      guard let storedBytes = reader.readInteger(UInt32.self), let checksum = reader.readInteger(UInt32.self)
      else { return nil }
      let rawBytes = min(rest, UInt64(ValueFileFormat.chunkBytes))
      guard storedBytes > 0, UInt64(storedBytes) <= rawBytes else { return nil }
      chunks.append(
        ValueChunk(
          offset: offset, storedBytes: Int(storedBytes), rawBytes: Int(rawBytes), checksum: checksum))
      offset &+= UInt64(storedBytes)
      rest -= rawBytes
    }
    let checksum = Self.checksum(
      ofTable: entries, at: tableOffset, name: record.name, rawBytes: record.rawBytes, identity: identity)
    guard reader.readInteger(UInt32.self) == checksum, offset == tableOffset else { return nil }
    return chunks
  }
}
