import CairnKV

/// A kind of record: what is under one kind of key.
protocol RecordKind {
  /// The format that is written, and the only one known so far.
  static var format: UInt64 { get }
  /// The number of items after the format number.
  static var fieldCount: Int { get }
}

/// A record that can be read.
protocol ReadableRecord: RecordKind {
  /// Reads the items after the format number.
  init(_ reader: inout RecordReader) throws(RecordDefect)
}

/// A record that can be written.
protocol WritableRecord: RecordKind {
  /// Writes the items after the format number.
  func write(_ writer: inout RecordWriter)
}

/// A record that is the same to who writes and to who reads it: it holds no position.
typealias StoredRecord = ReadableRecord & WritableRecord

extension ReadableRecord {
  /// Reads a record that was found at `key`, whose bytes may be the store's own memory.
  init(_ bytes: RawSpan, at key: [UInt8]) throws(StoreError) {
    do throws(RecordDefect) {
      var reader = try RecordReader(bytes, format: Self.format, fieldCount: Self.fieldCount)
      self = try Self(&reader)
      try reader.end()
    } catch {
      throw .damagedRecord(key: key, reason: error.reason)
    }
  }
}

extension WritableRecord {
  /// The record's bytes, with a position to be filled in where it has one.
  func encoded() -> CommitOrderedBytes {
    var writer = RecordWriter(format: Self.format, fieldCount: Self.fieldCount)
    write(&writer)
    return writer.commitOrdered()
  }
}

/// Reads records from one snapshot, with the layer's errors.
struct RecordSource {
  let reader: any KeyValueReader

  /// The record at `key`, or `nil` when there is none.
  func record<Record: ReadableRecord>(
    _ type: Record.Type = Record.self, at key: [UInt8]
  ) throws(StoreError) -> Record? {
    var outcome: Result<Record, StoreError>?
    do throws(StorageError) {
      try reader.lendValue(of: key) { value in
        guard let value else { return }
        do throws(StoreError) {
          outcome = .success(try Record(value, at: key))
        } catch {
          outcome = .failure(error)
        }
      }
    } catch {
      throw .storage(error)
    }
    return try outcome?.get()
  }

  /// The record at `key`, which must be there because of what `reason` says.
  func record<Record: ReadableRecord>(
    _ type: Record.Type = Record.self, at key: [UInt8], because reason: @autoclosure () -> String
  ) throws(StoreError) -> Record {
    guard let record = try record(type, at: key) else {
      throw .damagedRecord(key: key, reason: "it is missing: \(reason())")
    }
    return record
  }

  /// The records in `range`, with their keys, at most `limit` of them.
  func records<Record: ReadableRecord>(
    _ type: Record.Type = Record.self, in range: KeyRange, _ direction: ScanDirection = .ascending,
    limit: Int?
  ) throws(StoreError) -> [(key: [UInt8], record: Record)] {
    if let limit, limit < 0 {
      throw .invalidArgument("a limit of \(limit); it is a number of things, from 0")
    }
    guard !range.isEmpty else { return [] }
    var records: [(key: [UInt8], record: Record)] = []
    var failure: StoreError?
    do throws(StorageError) {
      try reader.forEachEntry(in: range, direction, limit: limit) { key, value in
        let key = key.withUnsafeBytes { [UInt8]($0) }
        do throws(StoreError) {
          records.append((key, try Record(value, at: key)))
          return .proceed
        } catch {
          failure = error
          return .stop
        }
      }
    } catch {
      throw .storage(error)
    }
    if let failure { throw failure }
    return records
  }

  /// The outermost key in `range` on one side.
  func outermostKey(in range: KeyRange, _ direction: ScanDirection) throws(StoreError) -> [UInt8]? {
    var found: [UInt8]?
    do throws(StorageError) {
      try reader.forEachEntry(in: range, direction, limit: 1) { key, _ in
        found = key.withUnsafeBytes { [UInt8]($0) }
        return .stop
      }
    } catch {
      throw .storage(error)
    }
    return found
  }
}

/// The last number given out in a sequence: checkpoints of a timeline, or versions of a journal.
struct SequenceHead: StoredRecord {
  static let format: UInt64 = 1
  static let fieldCount = 1
  let last: UInt64

  init(last: UInt64) {
    self.last = last
  }

  init(_ reader: inout RecordReader) throws(RecordDefect) {
    last = try reader.ordinal("the last number")
  }

  func write(_ writer: inout RecordWriter) {
    writer.unsigned(last)
  }
}
