public import CairnKV

/// The store as it was at one moment, for as long as this object is kept.
///
/// May be used from several threads. It holds no file and no memory of its own: compactions keep the
/// versions that it sees, which costs disk space for what is overwritten meanwhile.
public final class EngineSnapshot: KeyValueReader, Sendable {
  private let tree: Tree
  private let sequence: UInt64

  init(_ tree: Tree) {
    self.tree = tree
    sequence = tree.registeredView().1
  }

  deinit { tree.snapshots.remove(sequence) }

  private func view() throws(StorageError) -> ReadView {
    try tree.checkOpen()
    return ReadView(state: tree.state, snapshot: sequence)
  }

  /// The newest commit that the snapshot sees has no greater position than this.
  public var position: CommitPosition { CommitPosition(rawValue: sequence) }

  public func get(_ key: [UInt8]) throws(StorageError) -> [UInt8]? {
    try withBytes(of: key) { (key) throws(StorageError) in try view().get(key) }
  }

  public func first(in range: KeyRange) throws(StorageError) -> KeyValue? {
    try view().one(in: range, .ascending, own: nil)
  }
  public func last(in range: KeyRange) throws(StorageError) -> KeyValue? {
    try view().one(in: range, .descending, own: nil)
  }

  public func scan(
    _ range: KeyRange, _ direction: ScanDirection, limit: Int?, _ visit: (KeyValue) -> ScanStep
  ) throws(StorageError) {
    _ = try view().scan(range, direction, limit: limit, own: nil, visit)
  }
}
