import CairnKV

/// The numbers of the value file format, version 1.
///
///     record 0 … record n-1 │ index │ footer
///     record:  chunk 0 … chunk m-1 │ chunk table
///
/// Every part begins where the one before it ends; no byte of the file is unaccounted for. See "Value files"
/// in format-spec.md.
enum ValueFileFormat {
  static let version: UInt32 = 1
  static let magic = [UInt8]("CAIRNVAL".utf8)
  static let footerBytes = 128
  /// Origin, ordinal, raw bytes, end.
  static let indexEntryBytes = 24
  /// Stored length and checksum of a chunk.
  static let chunkEntryBytes = 8
  static let checksumBytes = 4
  /// A value is cut into chunks of this length; the last one is shorter, but never empty.
  static let chunkBytes = 128 << 10
  /// The record of an empty value.
  static let shortestRecord = UInt64(checksumBytes)

  /// How many chunks a value of so many bytes, at most `StorageLimits.valueBytes`, is cut into.
  static func chunkCount(rawBytes: UInt64) -> Int {
    Int(truncatingIfNeeded: (rawBytes &+ UInt64(chunkBytes - 1)) / UInt64(chunkBytes))
  }

  /// The length of the chunk table of a value of so many bytes, at most `StorageLimits.valueBytes`.
  static func tableBytes(rawBytes: UInt64) -> Int {
    chunkCount(rawBytes: rawBytes) &* chunkEntryBytes &+ checksumBytes
  }

  /// Whether a record of `storedBytes` can hold a value of `rawBytes`: no chunk is empty, and none takes more
  /// than it holds.
  static func isRecord(storedBytes: UInt64, rawBytes: UInt64) -> Bool {
    guard rawBytes <= UInt64(StorageLimits.valueBytes) else { return false }
    let table = UInt64(tableBytes(rawBytes: rawBytes))
    return storedBytes >= table + UInt64(chunkCount(rawBytes: rawBytes)) && storedBytes <= table + rawBytes
  }
}

/// How a value file is written.
struct ValueFileOptions: Sendable {
  /// The zstd level of chunks that compression makes at least 12 % smaller; `nil` compresses none.
  var compressionLevel: Int?
  /// Values shorter than this are stored as they are: at 2 KiB a frame's fixed cost is most of what
  /// compressing and decompressing takes, and would be paid by every flush and every read.
  var leastCompressedBytes: Int

  init(compressionLevel: Int? = nil, leastCompressedBytes: Int = 16 << 10) {
    self.compressionLevel = compressionLevel
    self.leastCompressedBytes = leastCompressedBytes
  }
}

/// Where a record stands in a file, and what it holds.
struct ValueRecord: Hashable, Sendable {
  var name: ValueName
  var offset: UInt64
  var storedBytes: UInt64
  var rawBytes: UInt64

  var end: UInt64 { offset &+ storedBytes }
  var handle: ValueHandle {
    ValueHandle(origin: name.origin, ordinal: name.ordinal, rawBytes: rawBytes, storedBytes: storedBytes)
  }
}
