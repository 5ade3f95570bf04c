public import CairnKV

/// What a snapshot reads from.
protocol SnapshotSource: AnyObject, Sendable {
  /// The store as it was at `sequence`, which is kept.
  /// - Throws: `.closed`.
  func view(at sequence: UInt64) throws(StorageError) -> ReadView
  /// Nobody wants it as it was at `sequence` any more, once for each snapshot.
  func release(_ sequence: UInt64)
}

extension Tree: SnapshotSource {
  func view(at sequence: UInt64) throws(StorageError) -> ReadView {
    try checkOpen()
    return ReadView(reference, snapshot: sequence)
  }

  func release(_ sequence: UInt64) { snapshots.remove(sequence) }
}

/// The store as it was at one moment, for as long as this object is kept.
///
/// May be used from several threads. It holds no file and no memory of its own: compactions keep the
/// versions that it sees, which costs disk space for what is overwritten meanwhile.
public final class EngineSnapshot: KeyValueReader, Sendable {
  private let source: any SnapshotSource
  private let sequence: UInt64

  /// - Parameter sequence: what the source keeps until it is released.
  init(_ source: any SnapshotSource, sequence: UInt64) {
    self.source = source
    self.sequence = sequence
  }

  deinit { source.release(sequence) }

  private func view() throws(StorageError) -> ReadView { try source.view(at: sequence) }

  /// The newest commit that the snapshot sees has no greater position than this.
  public var position: CommitPosition { CommitPosition(rawValue: sequence) }

  /// The value of `key` as it was; `nil` when there was none.
  public func get(_ key: [UInt8]) throws(StorageError) -> [UInt8]? {
    let view = try view()
    return try view.copy(view.find(key))
  }

  /// Lends that value to `body`, or `nil`: without a copy where it is in memory.
  public func lendValue(of key: [UInt8], to body: (RawSpan?) -> Void) throws(StorageError) {
    let view = try view()
    try view.lend(view.find(key), to: body)
  }

  // MARK: Large values

  /// The length of the value of `key` in bytes; `nil` when there is none. Reads no large value.
  public func valueLength(of key: [UInt8]) throws(StorageError) -> Int? {
    let view = try view()
    return try view.length(of: view.find(key))
  }

  /// The bytes `range` of the value of `key`; `nil` when there is none. Of a large value only the pieces of
  /// 128 KiB are read, and checked, that the range touches.
  /// - Throws: `.invalidArgument` when the range does not lie within the value.
  public func readValue(of key: [UInt8], range: Range<Int>) throws(StorageError) -> [UInt8]? {
    let view = try view()
    return try view.copy(range, of: view.find(key))
  }

  /// Lends the value of `key` to `body` piece by piece, in order, each good only during the call and at most
  /// 128 KiB long where the value is in a value file. A value that is not is one piece, an empty one none.
  /// - Returns: whether there is a value. What was lent was checked, but a later piece may turn out damaged:
  ///   that throws.
  @discardableResult
  public func forEachPiece(
    of key: [UInt8], _ body: (RawSpan) -> ScanStep
  ) throws(StorageError) -> Bool {
    let view = try view()
    return try view.forEachPiece(of: view.find(key), body)
  }

  /// The first entry of `range` as it was.
  public func first(in range: KeyRange) throws(StorageError) -> KeyValue? {
    try view().one(in: range, .ascending, own: nil)
  }
  /// The last entry of `range` as it was.
  public func last(in range: KeyRange) throws(StorageError) -> KeyValue? {
    try view().one(in: range, .descending, own: nil)
  }

  /// Visits the entries of `range` as they were.
  public func scan(
    _ range: KeyRange, _ direction: ScanDirection, limit: Int?, _ visit: (KeyValue) -> ScanStep
  ) throws(StorageError) {
    _ = try view().scan(range, direction, limit: limit, own: nil, visit)
  }

  /// The same with keys and values that are lent for as long as the call lasts.
  public func forEachEntry(
    in range: KeyRange, _ direction: ScanDirection, limit: Int?, _ body: (RawSpan, RawSpan) -> ScanStep
  ) throws(StorageError) {
    _ = try view().forEachEntry(in: range, direction, limit: limit, own: nil, body)
  }
}
