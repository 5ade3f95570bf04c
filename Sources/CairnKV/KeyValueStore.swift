/// The seam between the workflow layer and whatever keeps its bytes: an ordered, transactional key-value
/// store.
///
/// Nothing written against it may assume that a read is a memory access, or that one process alone has the
/// store.
///
/// What every implementation promises:
/// - a commit is all or nothing, and with ``Durability/durable`` it is on disk when the call returns;
/// - transactions are serializable: one that commits behaves as if it had run alone;
/// - a reader sees one consistent snapshot, and only what is as durable as its writer asked.
public protocol KeyValueStore: Sendable {
  /// Runs `body` on a consistent snapshot of the store as it was when the call was made.
  ///
  /// The reader must not be used after `body` has returned.
  func read<Result>(_ body: (any KeyValueReader) throws -> Result) async throws -> Result

  /// Runs `body`, then commits what it wrote, if nothing that it read has changed meanwhile; if something
  /// has, runs it again on a newer snapshot, a bounded number of times.
  ///
  /// `body` may run more than once, so it must have no effect but through its transaction. When it throws,
  /// nothing is committed and the error is passed on.
  /// - Returns: what `body` returned, and the commit's position: `nil` if it wrote nothing.
  /// - Throws: what `body` threw, or a ``StorageError``: `.conflict` when the runs are used up,
  ///   `.outcomeUnknown` when storage failed while the commit was under way.
  func transact<Result>(
    _ durability: Durability, _ body: (any KeyValueTransaction) throws -> Result
  ) async throws -> Committed<Result>

  /// Makes everything committed so far durable, and lets go of the store. Afterwards every call throws
  /// `.closed`. Closing twice does nothing.
  func close() async throws(StorageError)
}

/// What a transaction returned, and where it stands in the commit order.
public struct Committed<Value> {
  /// What the transaction's body returned.
  public let value: Value
  /// The commit's position; `nil` if the transaction wrote nothing.
  public let position: CommitPosition?

  /// Pairs a result with its position.
  public init(value: Value, position: CommitPosition?) {
    self.value = value
    self.position = position
  }
}

extension Committed: Sendable where Value: Sendable {}

/// When a commit counts as done.
public enum Durability: Sendable, Hashable {
  /// On disk: it survives the process, the machine and the power. The default everywhere.
  case durable
  /// Handed to the operating system: it survives the process, but a power cut may take it back, and with it
  /// everything committed after it.
  case buffered
}

/// Reads from one consistent snapshot.
///
/// A key longer than ``StorageLimits/keyBytes`` is refused with `.keyTooLong`. The bounds of a range may be one
/// byte longer than a key, so that ``KeyRange/key(_:)`` of the longest key is a range too.
public protocol KeyValueReader: AnyObject {
  /// The value of `key`, or `nil` when there is none.
  func get(_ key: [UInt8]) throws(StorageError) -> [UInt8]?

  /// Lends the value of `key` to `body`, once, or `nil` when there is none.
  ///
  /// An embedded store lends its own memory, so that nothing is copied, but for a large value, which it may
  /// have to read from a file first. `body` may read and, in a transaction, write: what it was lent stays as
  /// it was. ``withValue(of:_:)`` is the same for a body that throws or returns something.
  func lendValue(of key: [UInt8], to body: (RawSpan?) -> Void) throws(StorageError)

  /// The entry with the least key in `range`.
  func first(in range: KeyRange) throws(StorageError) -> KeyValue?

  /// The entry with the greatest key in `range`.
  func last(in range: KeyRange) throws(StorageError) -> KeyValue?

  /// Calls `visit` with the entries of `range` in order, until it says `.stop` or `limit` entries were
  /// visited (`nil`: no limit; a negative one is an `.invalidArgument`).
  ///
  /// In a transaction, `visit` sees what the transaction had written when the scan began.
  func scan(
    _ range: KeyRange, _ direction: ScanDirection, limit: Int?, _ visit: (KeyValue) -> ScanStep
  ) throws(StorageError)

  /// The same, but lends each key and value instead of copying it: good only during the call of `body`.
  func forEachEntry(
    in range: KeyRange, _ direction: ScanDirection, limit: Int?, _ body: (RawSpan, RawSpan) -> ScanStep
  ) throws(StorageError)
}

/// A snapshot's reads, and writes that take effect together when the transaction commits.
///
/// Reads see the transaction's own writes, but for commit-ordered ones: their place is not known before the
/// commit.
public protocol KeyValueTransaction: KeyValueReader {
  /// Sets `key` to `value`.
  func set(_ key: [UInt8], to value: [UInt8]) throws(StorageError)

  /// Sets a key or a value that holds the commit's own position. The key may hold it, the value, or both.
  func set(_ key: CommitOrderedBytes, to value: CommitOrderedBytes) throws(StorageError)

  /// Removes `key`. Removing what is not there is fine.
  func remove(_ key: [UInt8]) throws(StorageError)

  /// Removes every key in `range`, at a cost that does not depend on how many there are. An empty range is no
  /// operation.
  func remove(_ range: KeyRange) throws(StorageError)
}

/// One key with its value.
public struct KeyValue: Hashable, Sendable {
  /// The key.
  public var key: [UInt8]
  /// The value.
  public var value: [UInt8]

  /// Pairs a key with its value.
  public init(key: [UInt8], value: [UInt8]) {
    self.key = key
    self.value = value
  }
}

/// The order in which a scan visits keys.
public enum ScanDirection: Sendable, Hashable {
  /// From the least key to the greatest.
  case ascending
  /// From the greatest key to the least.
  case descending
}

/// What a scan does after an entry.
public enum ScanStep: Sendable, Hashable {
  /// Go on to the next entry.
  case proceed
  /// End the scan here.
  case stop
}

extension KeyValueReader {
  /// What `body` makes of the value of `key`, which is lent to it, or `nil` when there is none.
  ///
  /// For values that are decoded on the spot: nothing is copied where ``lendValue(of:to:)`` copies nothing.
  /// - Throws: what `body` throws, or a ``StorageError``.
  @inlinable
  public func withValue<Value>(of key: [UInt8], _ body: (RawSpan?) throws -> Value) throws -> Value {
    // An optional would do, but its type has to be looked up at every call, which takes a fifth of all the
    // instructions of a read. `place` holds a value exactly while `isFilled`.
    try withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { place in
      var isFilled = false
      var failure: (any Error)?
      defer { if isFilled { place.deinitializeElement(at: 0) } }
      try lendValue(of: key) { value in
        do {
          let made = try body(value)
          if isFilled { place.deinitializeElement(at: 0) }
          place.initializeElement(at: 0, to: made)
          isFilled = true
        } catch { failure = error }
      }
      if let failure { throw failure }
      guard isFilled else {
        throw StorageError(.internalInconsistency, "a store has lent neither a value nor that there is none")
      }
      isFilled = false
      return place.moveElement(from: 0)
    }
  }

  /// Lends what ``get(_:)`` returns.
  public func lendValue(of key: [UInt8], to body: (RawSpan?) -> Void) throws(StorageError) {
    guard let value = try get(key) else { return body(nil) }
    value.withUnsafeBytes { body($0.bytes) }
  }

  /// Lends what ``scan(_:_:limit:_:)`` visits.
  public func forEachEntry(
    in range: KeyRange, _ direction: ScanDirection, limit: Int?, _ body: (RawSpan, RawSpan) -> ScanStep
  ) throws(StorageError) {
    try scan(range, direction, limit: limit) { entry in
      entry.key.withUnsafeBytes { key in
        entry.value.withUnsafeBytes { value in body(key.bytes, value.bytes) }
      }
    }
  }

  /// Every entry of `range`, in order, at most `limit` of them. For ranges known to be small.
  public func entries(
    in range: KeyRange, _ direction: ScanDirection = .ascending, limit: Int? = nil
  ) throws(StorageError) -> [KeyValue] {
    var result: [KeyValue] = []
    try scan(range, direction, limit: limit) { entry in
      result.append(entry)
      return .proceed
    }
    return result
  }
}

/// The sizes that every implementation accepts; anything larger is refused with a typed error.
public enum StorageLimits {
  /// The longest key, in bytes: 64 KiB. The empty key is allowed; it is the least key of all.
  public static let keyBytes = 64 << 10
  /// The largest value, in bytes: 1 GiB. The empty value is allowed, and differs from no value.
  public static let valueBytes = 1 << 30
  /// The largest transaction, in bytes of keys and values with their framing: 2 GiB. A store with a smaller
  /// memory limit may allow less.
  public static let transactionBytes = 2 << 30
}
