import CairnKV

/// Reads from one copy of an ``InMemoryStore``'s entries.
class InMemoryReader: KeyValueReader {
  fileprivate var view: SortedEntries
  private var hasEnded = false

  init(_ snapshot: SortedEntries) {
    view = snapshot
  }

  /// Its body has returned.
  func end() {
    hasEnded = true
    view = SortedEntries()
  }

  func get(_ key: [UInt8]) throws(StorageError) -> [UInt8]? {
    try checkNotEnded()
    try checkKey(key.count)
    willRead(.key(key))
    return view.entry(at: key)?.entry.value
  }

  func lendValue(of key: [UInt8], to body: (RawSpan?) -> Void) throws(StorageError) {
    guard let value = try get(key) else { return body(nil) }
    value.withUnsafeBytes { body($0.bytes) }
  }

  func forEachEntry(
    in range: KeyRange, _ direction: ScanDirection, limit: Int?, _ body: (RawSpan, RawSpan) -> ScanStep
  ) throws(StorageError) {
    try scan(range, direction, limit: limit) { entry in
      entry.key.withUnsafeBytes { key in
        entry.value.withUnsafeBytes { value in body(key.bytes, value.bytes) }
      }
    }
  }

  func first(in range: KeyRange) throws(StorageError) -> KeyValue? {
    try entries(in: range, .ascending, limit: 1).first
  }

  func last(in range: KeyRange) throws(StorageError) -> KeyValue? {
    try entries(in: range, .descending, limit: 1).first
  }

  func scan(
    _ range: KeyRange, _ direction: ScanDirection, limit: Int?, _ visit: (KeyValue) -> ScanStep
  ) throws(StorageError) {
    try checkNotEnded()
    if let limit, limit < 0 { throw StorageError(.invalidArgument, "a scan's limit of \(limit) is below 0") }
    guard !range.isEmpty, limit != 0 else { return }
    let found = view.entries(in: range)
    // What was passed over is what was read: a change past the place where the scan stopped changes nothing.
    var passedOver = range
    var remaining = limit ?? .max
    visiting: for index in direction == .ascending ? Array(found.indices) : found.indices.reversed() {
      let entry = found[index].entry
      remaining -= 1
      if visit(entry) == .stop || remaining == 0 {
        switch direction {
        case .ascending: passedOver.upper = KeyRange.key(entry.key).upper
        case .descending: passedOver.lower = entry.key
        }
        break visiting
      }
    }
    willRead(passedOver)
  }

  /// Called with every range that a read depends on.
  fileprivate func willRead(_ range: KeyRange) {}

  fileprivate func checkNotEnded() throws(StorageError) {
    guard !hasEnded else {
      throw StorageError(
        .ended, "a reader or transaction was used after its body had returned; use it only within")
    }
  }

  fileprivate func checkKey(_ byteCount: Int) throws(StorageError) {
    guard byteCount <= StorageLimits.keyBytes else {
      throw StorageError(
        .keyTooLong, "a key of \(byteCount) bytes; the longest is \(StorageLimits.keyBytes) bytes")
    }
  }
}

/// A transaction of an ``InMemoryStore``: its own copy of the entries, what it did to them, and what it read.
final class InMemoryTransaction: InMemoryReader, KeyValueTransaction {
  private(set) var operations: [InMemoryOperation] = []
  private let snapshot: SortedEntries
  private var reads: Set<KeyRange> = []
  private var byteCount = 0
  private let valueBytes: Int
  private let transactionBytes: Int

  init(_ snapshot: SortedEntries, valueBytes: Int, transactionBytes: Int) {
    self.snapshot = snapshot
    self.valueBytes = valueBytes
    self.transactionBytes = transactionBytes
    super.init(snapshot)
  }

  func set(_ key: [UInt8], to value: [UInt8]) throws(StorageError) {
    try set(CommitOrderedBytes(key), to: CommitOrderedBytes(value))
  }

  func set(_ key: CommitOrderedBytes, to value: CommitOrderedBytes) throws(StorageError) {
    try checkNotEnded()
    try checkKey(key.bytes.count)
    guard value.bytes.count <= valueBytes else {
      throw StorageError(
        .valueTooLarge, "a value of \(value.bytes.count) bytes; the largest is \(valueBytes) bytes")
    }
    try add(.set(key, value))
    if key.placeholderOffset == nil && value.placeholderOffset == nil {
      view.set(key.bytes, to: value.bytes, by: nil)
    }
  }

  func remove(_ key: [UInt8]) throws(StorageError) {
    try checkNotEnded()
    try checkKey(key.count)
    try add(.removeKey(key))
    view.remove(.key(key))
  }

  func remove(_ range: KeyRange) throws(StorageError) {
    try checkNotEnded()
    // A bound may be a longest key's successor, one byte longer than a key can be.
    try checkKey(range.lower.count - 1)
    if let upper = range.upper { try checkKey(upper.count - 1) }
    if range.isEmpty { return }
    try add(.removeRange(range))
    view.remove(range)
  }

  /// Whether everything that was read is the same in `current` as in the snapshot.
  func isUnchanged(in current: SortedEntries) -> Bool {
    reads.allSatisfy { range in
      snapshot.entries(in: range).elementsEqual(current.entries(in: range)) { before, now in
        before.entry.key == now.entry.key && before.commit == now.commit
      }
    }
  }

  fileprivate override func willRead(_ range: KeyRange) {
    reads.insert(range)
  }

  private func add(_ operation: InMemoryOperation) throws(StorageError) {
    let (sum, overflow) = byteCount.addingReportingOverflow(operation.byteCount)
    guard !overflow, sum <= transactionBytes else {
      throw StorageError(
        .transactionTooLarge,
        "with \(operation.byteCount) bytes more it is over \(transactionBytes); split the transaction up"
      )
    }
    byteCount = sum
    operations.append(operation)
  }
}
