public import CairnKV

/// An event as it stands in its journal.
public struct Recorded<Event: Codable & Sendable>: Sendable {
  /// The name of the journal.
  public let journal: String
  /// Its number in the journal: contiguous, from 1.
  public let version: UInt64
  /// Its place in the commit order of the whole store: unique, and greater than that of every event committed
  /// before, or appended earlier in the same transaction.
  public let position: CommitPosition
  /// When it was appended, by the store's clock.
  public let time: Timestamp
  /// The event.
  public let event: Event
}

extension Recorded: Equatable where Event: Equatable {}
extension Recorded: Hashable where Event: Hashable {}

/// An event whose type is not known to the reader, as it stands in its journal.
public struct RecordedBytes: Hashable, Sendable {
  /// The name of the journal.
  public let journal: String
  /// Its number in the journal: contiguous, from 1.
  public let version: UInt64
  /// Its place in the commit order of the whole store: unique, and greater than that of every event committed
  /// before, or appended earlier in the same transaction.
  public let position: CommitPosition
  /// When it was appended, by the store's clock.
  public let time: Timestamp
  /// The event in deterministic CBOR.
  public let bytes: [UInt8]

  /// The event as the type that its journal holds.
  /// - Throws: `StoreError.decodingFailed` when the bytes are not an `Event`.
  public func decoded<Event: Codable & Sendable>(
    as type: Event.Type = Event.self
  ) throws(StoreError) -> Recorded<Event> {
    let event = try PayloadCoding.decode(type, from: bytes, of: .event(journal: journal, version: version))
    return Recorded(journal: journal, version: version, position: position, time: time, event: event)
  }
}
