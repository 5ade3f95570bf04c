public import CairnKV

/// What went wrong in the workflow layer. Cases are added, never changed in meaning: always handle a
/// `default`.
public enum StoreError: Error, Hashable, Sendable {
  /// The journal was not at the version that the append expected; `actual` is its last version, 0 when it is
  /// empty. Nothing was written. Read what was appended meanwhile, and decide again.
  case conflict(journal: String, expected: ExpectedVersion, actual: UInt64)
  /// Something that the call refers to is not in the store.
  case notFound(RecordName)
  /// A timeline's or a journal's name, or a once-key, that cannot be one.
  case invalidName(String, reason: String)
  /// An argument makes no sense; the text says which and why.
  case invalidArgument(String)
  /// A state, an event or metadata could not be turned into bytes: its `encode(to:)` failed. Nothing was
  /// written.
  case encodingFailed(RecordName, reason: String)
  /// Stored bytes could not be turned into the type asked for: another type wrote them, or an older form of
  /// it.
  case decodingFailed(RecordName, reason: String)
  /// A record of the layer itself is not what the layer writes. The store was written to by something else,
  /// or damaged: check it, and restore from a backup. `key` is the record's key in the key-value store.
  case damagedRecord(key: [UInt8], reason: String)
  /// The store's layout is newer than this program knows; use a newer program.
  case incompatible(found: UInt64, supported: UInt64)
  /// The key-value store failed.
  case storage(StorageError)
}

/// Which record an error is about.
public enum RecordName: Hashable, Sendable {
  /// A checkpoint of a timeline.
  case checkpoint(timeline: String, CheckpointID)
  /// The metadata of a checkpoint.
  case metadata(timeline: String, CheckpointID)
  /// An event of a journal.
  case event(journal: String, version: UInt64)
}

extension RecordName: CustomStringConvertible {
  public var description: String {
    switch self {
    case .checkpoint(let timeline, let id): "checkpoint \(id) of timeline \"\(timeline)\""
    case .metadata(let timeline, let id): "the metadata of checkpoint \(id) of timeline \"\(timeline)\""
    case .event(let journal, let version): "event \(version) of journal \"\(journal)\""
    }
  }
}

extension StoreError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .conflict(let journal, let expected, let actual):
      "conflict: journal \"\(journal)\" is at version \(actual), but the append expected \(expected)"
    case .notFound(let name):
      "not found: \(name)"
    case .invalidName(let name, let reason):
      "invalid name \"\(name.count <= 64 ? name : name.prefix(64) + "…")\": \(reason)"
    case .invalidArgument(let reason):
      "invalid argument: \(reason)"
    case .encodingFailed(let name, let reason):
      "\(name) could not be encoded: \(reason)"
    case .decodingFailed(let name, let reason):
      "\(name) could not be decoded: \(reason)"
    case .damagedRecord(let key, let reason):
      "damaged record at key \(hexadecimal(key)): \(reason)"
    case .incompatible(let found, let supported):
      "the store's layout is version \(found), and this program knows versions up to \(supported); "
        + "use a newer program"
    case .storage(let error):
      error.description
    }
  }

  private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
