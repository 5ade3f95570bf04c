import CairnKV

/// The layout record, by which a store says how its keys and records are laid out.
///
/// It is the first thing written to an empty store, and raised when a program that knows more writes to it. A
/// program refuses a store whose layout is newer than it knows; a record of an unknown format in a store
/// whose layout it does know is damage.
struct Layout: StoredRecord {
  /// The layout that this program writes, and the newest that it reads.
  static let version: UInt64 = 1

  static let format: UInt64 = 1
  static let fieldCount = 1
  let version: UInt64

  init() {
    version = Self.version
  }

  init(_ reader: inout RecordReader) throws(RecordDefect) {
    version = try reader.ordinal("the layout version")
  }

  func write(_ writer: inout RecordWriter) {
    writer.unsigned(version)
  }

  /// Whether the store has a layout record; `false` when it is empty.
  /// - Throws: `.incompatible` when its layout is newer, `.damagedRecord` when it has keys but no layout.
  static func check(_ reader: any KeyValueReader) throws(StoreError) -> Bool {
    let source = RecordSource(reader: reader)
    if let layout: Layout = try source.record(at: Keyspace.layout) {
      guard layout.version <= version else {
        throw .incompatible(found: layout.version, supported: version)
      }
      return true
    }
    guard try source.outermostKey(in: .all, .ascending) == nil else {
      throw .damagedRecord(
        key: Keyspace.layout,
        reason:
          "it is missing, though the store is not empty: this is no store of the workflow layer, or damaged"
      )
    }
    return false
  }
}
