/// A checkpoint but for its number, which is in the key, and its state, which is a record of its own.
struct CheckpointRecord: StoredRecord {
  static let format: UInt64 = 1
  static let fieldCount = 5
  let parent: UInt64?
  let step: Int64
  let time: Timestamp
  let tags: [String: String]
  let metadata: [UInt8]?

  init(parent: UInt64?, step: Int64, time: Timestamp, tags: [String: String], metadata: [UInt8]?) {
    self.parent = parent
    self.step = step
    self.time = time
    self.tags = tags
    self.metadata = metadata
  }

  init(_ reader: inout RecordReader) throws(RecordDefect) {
    parent = reader.null() ? nil : try reader.ordinal("the parent")
    step = try reader.signed("the step")
    time = Timestamp(microseconds: try reader.signed("the time"))
    tags = try reader.texts("the tags")
    metadata = reader.null() ? nil : try reader.byteString("the metadata")
  }

  func write(_ writer: inout RecordWriter) {
    if let parent { writer.unsigned(parent) } else { writer.null() }
    writer.signed(step)
    writer.signed(time.microseconds)
    writer.texts(tags)
    if let metadata { writer.byteString(metadata) } else { writer.null() }
  }
}

/// A checkpoint's state.
struct StateRecord: StoredRecord {
  static let format: UInt64 = 1
  static let fieldCount = 1
  let payload: [UInt8]

  init(payload: [UInt8]) {
    self.payload = payload
  }

  init(_ reader: inout RecordReader) throws(RecordDefect) {
    payload = try reader.byteString("the state")
  }

  func write(_ writer: inout RecordWriter) {
    writer.byteString(payload)
  }
}
