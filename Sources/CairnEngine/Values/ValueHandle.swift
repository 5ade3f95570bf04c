import CairnKV

/// What a record is called for as long as it lives, whatever file it is moved to: the number of the value
/// file that it was first written to, and its place among the records written there.
///
/// Names order by origin, then by ordinal: the order of records in every value file.
struct ValueName: Hashable, Sendable, Comparable {
  var origin: UInt64
  var ordinal: UInt32

  static func < (left: ValueName, right: ValueName) -> Bool {
    (left.origin, left.ordinal) < (right.origin, right.ordinal)
  }
}

/// What the tree keeps in place of a large value.
///
///     u8 kind: 1 in a value file │ varint origin │ varint ordinal │ varint raw bytes │ varint stored bytes
///
/// Other kinds are reserved, the next one for values that stay in the log that they were committed with.
/// See "Value files" in format-spec.md.
struct ValueHandle: Hashable, Sendable {
  var origin: UInt64
  var ordinal: UInt32
  /// The value's length.
  var rawBytes: UInt64
  /// What the record takes in a value file, its chunk table included. The same in every file it is moved to.
  var storedBytes: UInt64

  private static let kindInValueFile: UInt8 = 1
  /// What an encoded handle takes at most.
  static let longestEncoding = 31

  init(origin: UInt64, ordinal: UInt32, rawBytes: UInt64, storedBytes: UInt64) {
    self.origin = origin
    self.ordinal = ordinal
    self.rawBytes = rawBytes
    self.storedBytes = storedBytes
  }

  var name: ValueName { ValueName(origin: origin, ordinal: ordinal) }

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.longestEncoding)
    bytes.append(Self.kindInValueFile)
    bytes.append(varint: origin)
    bytes.append(varint: UInt64(ordinal))
    bytes.append(varint: rawBytes)
    bytes.append(varint: storedBytes)
    return bytes
  }

  /// The handle in an entry of a block or a memtable, which has been found to be one.
  init(stored bytes: UnsafeRawBufferPointer) throws(StorageError) {
    guard let handle = ValueHandle(decoding: bytes) else {
      throw StorageError(.internalInconsistency, "an entry refers to a value by what is no handle")
    }
    self = handle
  }

  /// `nil` when the bytes are not a handle of a record that a value file can hold.
  init?(decoding bytes: UnsafeRawBufferPointer) {
    var reader = ByteReader(bytes)
    guard reader.readInteger(UInt8.self) == Self.kindInValueFile,
      let origin = reader.readVarint(), origin > 0,
      let ordinal = reader.readVarint().flatMap({ UInt32(exactly: $0) }), ordinal < UInt32.max,
      let rawBytes = reader.readVarint(), let storedBytes = reader.readVarint(), reader.isAtEnd,
      ValueFileFormat.isRecord(storedBytes: storedBytes, rawBytes: rawBytes)
    else { return nil }
    self.init(origin: origin, ordinal: ordinal, rawBytes: rawBytes, storedBytes: storedBytes)
  }
}
