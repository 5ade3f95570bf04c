import CairnKV

/// What a value file holds: what the manifest says of it, and what a reader finds in it.
///
///     varint file number │ varint raw bytes │ varint origin count
///     for each origin:  varint origin │ varint record count │ varint stored bytes
///
/// See "Value files" in format-spec.md.
struct ValueFileProperties: Hashable, Sendable {
  /// The records in the file that were first written to one and the same file.
  struct Origin: Hashable, Sendable {
    var number: UInt64
    var recordCount: UInt32
    /// What these records take, their chunk tables included.
    var storedBytes: UInt64
  }

  var fileNumber: UInt64
  /// By ascending number. At a file that was not made by rewriting others, just one: its own.
  var origins: [Origin] = []
  /// The length of all values together.
  var rawBytes: UInt64 = 0

  init(fileNumber: UInt64) {
    self.fileNumber = fileNumber
  }

  var recordCount: UInt64 { origins.reduce(0) { $0 &+ UInt64($1.recordCount) } }
  /// What all records take together, their chunk tables included.
  var storedBytes: UInt64 { origins.reduce(0) { $0 &+ $1.storedBytes } }
  /// The length of the file.
  var fileBytes: UInt64 {
    let fixed = UInt64(ValueFileFormat.checksumBytes + ValueFileFormat.footerBytes)
    return storedBytes &+ recordCount &* UInt64(ValueFileFormat.indexEntryBytes) &+ fixed
  }

  /// Counts the next record. Names must come in order, and no origin has more than `UInt32.max` records.
  mutating func count(_ record: ValueRecord) {
    rawBytes &+= record.rawBytes
    if let last = origins.indices.last, origins[last].number == record.name.origin {
      origins[last].recordCount &+= 1
      origins[last].storedBytes &+= record.storedBytes
    } else {
      origins.append(
        Origin(number: record.name.origin, recordCount: 1, storedBytes: record.storedBytes))
    }
  }

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(varint: fileNumber)
    bytes.append(varint: rawBytes)
    bytes.append(varint: UInt64(origins.count))
    for origin in origins {
      bytes.append(varint: origin.number)
      bytes.append(varint: UInt64(origin.recordCount))
      bytes.append(varint: origin.storedBytes)
    }
    return bytes
  }

  /// `nil` when the bytes do not describe a file that a ``ValueFileBuilder`` can write.
  init?(decoding bytes: UnsafeRawBufferPointer) {
    var reader = ByteReader(bytes)
    guard let fileNumber = reader.readVarint(), let rawBytes = reader.readVarint(),
      let originCount = reader.readVarint(), originCount > 0
    else { return nil }
    self.fileNumber = fileNumber
    self.rawBytes = rawBytes
    var greatestSize: UInt64 = 0
    for _ in 0..<originCount {
      guard let number = reader.readVarint(), number > origins.last?.number ?? 0, number <= fileNumber,
        let recordCount = reader.readVarint().flatMap({ UInt32(exactly: $0) }), recordCount > 0,
        let storedBytes = reader.readVarint(), storedBytes <= UInt64(Int64.max),
        storedBytes >= UInt64(recordCount) * ValueFileFormat.shortestRecord
      else { return nil }
      // No file is longer; and as each summand is compared with what is left, no sum here or above overflows.
      let added = storedBytes + UInt64(recordCount) * UInt64(ValueFileFormat.indexEntryBytes)
      guard added <= UInt64(Int64.max) - 4096 - greatestSize else { return nil }
      greatestSize += added
      origins.append(Origin(number: number, recordCount: recordCount, storedBytes: storedBytes))
    }
    let (greatestRaw, overflow) = recordCount.multipliedReportingOverflow(
      by: UInt64(StorageLimits.valueBytes))
    guard reader.isAtEnd, overflow || rawBytes <= greatestRaw else { return nil }
  }
}
