import CairnKV

/// An event but for its journal and version, which are in the key.
enum EventRecord {
  static let format: UInt64 = 1
  static let fieldCount = 3

  /// As it is read.
  struct Stored: ReadableRecord {
    static let format = EventRecord.format
    static let fieldCount = EventRecord.fieldCount
    let position: CommitPosition
    let time: Timestamp
    let payload: [UInt8]

    init(_ reader: inout RecordReader) throws(RecordDefect) {
      position = try reader.position("the position")
      time = Timestamp(microseconds: try reader.signed("the time"))
      payload = try reader.byteString("the event")
    }
  }

  /// As it is written: the commit fills in its position.
  struct Pending: WritableRecord {
    static let format = EventRecord.format
    static let fieldCount = EventRecord.fieldCount
    let addend: UInt32
    let time: Timestamp
    let payload: [UInt8]

    func write(_ writer: inout RecordWriter) {
      writer.position(addend: addend)
      writer.signed(time.microseconds)
      writer.byteString(payload)
    }
  }
}

/// What is at one place in the commit order: which event of which journal.
struct OrderedEventRecord: StoredRecord {
  static let format: UInt64 = 1
  static let fieldCount = 2
  let journal: String
  let version: UInt64

  init(journal: String, version: UInt64) {
    self.journal = journal
    self.version = version
  }

  init(_ reader: inout RecordReader) throws(RecordDefect) {
    journal = try reader.text("the journal")
    version = try reader.ordinal("the version")
  }

  func write(_ writer: inout RecordWriter) {
    writer.text(journal)
    writer.unsigned(version)
  }
}

/// What the append with a once-key did: `count` events from version `first` on.
struct OnceRecord: StoredRecord {
  static let format: UInt64 = 1
  static let fieldCount = 2
  let first: UInt64
  let count: UInt64

  /// The versions of the events.
  var versions: Range<UInt64> { first..<first + count }

  init(versions: Range<UInt64>) {
    first = versions.lowerBound
    count = versions.upperBound - versions.lowerBound
  }

  init(_ reader: inout RecordReader) throws(RecordDefect) {
    first = try reader.ordinal("the first version")
    count = try reader.unsigned("the number of events")
    guard !first.addingReportingOverflow(count).overflow else {
      throw RecordDefect(reason: "there are no versions from \(first) on for \(count) events")
    }
  }

  func write(_ writer: inout RecordWriter) {
    writer.unsigned(first)
    writer.unsigned(count)
  }
}
