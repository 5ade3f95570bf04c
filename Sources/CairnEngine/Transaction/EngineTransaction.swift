import CairnKV

/// One run of a transaction's body: reads of a snapshot, with what it wrote itself on top, and a batch of
/// writes.
///
/// Everything read is remembered, to be validated at commit. Its own writes are put in order only when it
/// reads again after writing: most transactions read first and write then.
final class EngineTransaction: KeyValueTransaction {
  private let view: ReadView
  private(set) var batch: WriteBatch
  private(set) var reads = ReadSet()
  private var own: Memtable?
  /// How much of the batch `own` holds: bytes and operations.
  private var appliedBytes = 0
  private var appliedCount: UInt32 = 0
  private var hasEnded = false

  init(_ view: ReadView, byteLimit: Int) {
    self.view = view
    batch = WriteBatch(byteLimit: byteLimit)
  }

  /// After this every call throws `.ended`.
  func end() { hasEnded = true }

  // MARK: Reading

  func get(_ key: [UInt8]) throws(StorageError) -> [UInt8]? {
    try check()
    let own = try ownWrites()
    // What the transaction wrote itself depends on nobody else.
    if let own, let decided = key.withUnsafeBytes({ view.decision(own, $0) }) { return decided.value }
    reads.add(key)
    return try withBytes(of: key) { (key) throws(StorageError) in try view.get(key) }
  }

  func first(in range: KeyRange) throws(StorageError) -> KeyValue? { try one(in: range, .ascending) }
  func last(in range: KeyRange) throws(StorageError) -> KeyValue? { try one(in: range, .descending) }

  func scan(
    _ range: KeyRange, _ direction: ScanDirection, limit: Int?, _ visit: (KeyValue) -> ScanStep
  ) throws(StorageError) {
    try check()
    let own = try ownWrites()
    do throws(StorageError) {
      reads.add(range, direction, try view.scan(range, direction, limit: limit, own: own, visit))
    } catch {
      // How far it came is not known, and `visit` may have acted on what it saw.
      reads.add(range)
      throw error
    }
  }

  private func one(in range: KeyRange, _ direction: ScanDirection) throws(StorageError) -> KeyValue? {
    var found: KeyValue?
    try scan(range, direction, limit: 1) { entry in
      found = entry
      return .stop
    }
    return found
  }

  private func ownWrites() throws(StorageError) -> ReadView.OwnWrites? {
    if batch.isEmpty { return nil }
    let own = own ?? Memtable(oldestLog: 0, firstChunkBytes: 4096)
    self.own = own
    let skipped = Set(batch.commitOrdered.filter { $0 >= appliedCount }.map { $0 - appliedCount })
    let isWhole = batch.bytes.withUnsafeBytes { bytes in
      BatchDecoder.apply(
        UnsafeRawBufferPointer(rebasing: bytes[appliedBytes...]), count: batch.count - appliedCount,
        firstSequence: EntryTrailer.firstOwnSequence + UInt64(appliedCount), to: own, skipping: skipped)
    }
    guard isWhole else {
      throw StorageError(.internalInconsistency, "the transaction's own writes do not decode")
    }
    appliedBytes = batch.bytes.count
    appliedCount = batch.count
    return .init(memtable: own, newestSequence: EntryTrailer.firstOwnSequence + UInt64(appliedCount) - 1)
  }

  // MARK: Writing

  func set(_ key: [UInt8], to value: [UInt8]) throws(StorageError) {
    try check()
    try batch.set(key, to: value)
  }

  func set(_ key: CommitOrderedBytes, to value: CommitOrderedBytes) throws(StorageError) {
    try check()
    try batch.set(key, to: value)
  }

  func remove(_ key: [UInt8]) throws(StorageError) {
    try check()
    try batch.remove(key)
  }

  func remove(_ range: KeyRange) throws(StorageError) {
    try check()
    try batch.remove(range)
  }

  private func check() throws(StorageError) {
    if hasEnded {
      throw StorageError(
        .ended, "the transaction was used after its closure had returned; nothing of it was written")
    }
  }
}
