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
    try view.copy(find(key))
  }

  func lendValue(of key: [UInt8], to body: (RawSpan?) -> Void) throws(StorageError) {
    // What it wrote itself is lent from `own`, where nothing that is there ever moves or changes.
    defer { withExtendedLifetime(own) {} }
    try view.lend(find(key), to: body)
  }

  /// What is found is in `own`, in the view's memtables, or in the block that it keeps.
  private func find(_ key: [UInt8]) throws(StorageError) -> PointLookup? {
    try check()
    // What the transaction wrote itself depends on nobody else.
    if let own = try ownWrites(),
      let found = key.withUnsafeBytes({
        ReadView.find($0, in: own.memtable, visibleAt: own.newestSequence)
      })
    {
      return found
    }
    reads.add(key)
    return try view.find(key)
  }

  func first(in range: KeyRange) throws(StorageError) -> KeyValue? { try one(in: range, .ascending) }
  func last(in range: KeyRange) throws(StorageError) -> KeyValue? { try one(in: range, .descending) }

  func scan(
    _ range: KeyRange, _ direction: ScanDirection, limit: Int?, _ visit: (KeyValue) -> ScanStep
  ) throws(StorageError) {
    try scan(range, direction) { (own) throws(StorageError) in
      try view.scan(range, direction, limit: limit, own: own, tellsExtent: true, visit)
    }
  }

  func forEachEntry(
    in range: KeyRange, _ direction: ScanDirection, limit: Int?, _ body: (RawSpan, RawSpan) -> ScanStep
  ) throws(StorageError) {
    try scan(range, direction) { (own) throws(StorageError) in
      try view.forEachEntry(in: range, direction, limit: limit, own: own, tellsExtent: true, body)
    }
  }

  /// Notes what of `range` a scan looks at.
  private func scan(
    _ range: KeyRange, _ direction: ScanDirection,
    _ scan: (ReadView.OwnWrites?) throws(StorageError) -> ReadView.ScanExtent
  ) throws(StorageError) {
    try check()
    let own = try ownWrites()
    do throws(StorageError) {
      reads.add(range, direction, try scan(own))
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
    let isWhole = batch.encoded().withUnsafeBytes { bytes in
      BatchDecoder.apply(
        UnsafeRawBufferPointer(rebasing: bytes[appliedBytes...]), count: batch.count - appliedCount,
        firstSequence: EntryTrailer.firstOwnSequence + UInt64(appliedCount), to: own, skipping: skipped)
    }
    guard isWhole else {
      throw StorageError(.internalInconsistency, "the transaction's own writes do not decode")
    }
    appliedBytes = batch.byteCount
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
