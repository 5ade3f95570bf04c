import CairnKV

/// One run of a transaction's body. While it lives, its snapshot is registered, so that a compaction keeps
/// what validating it needs.
final class TransactionAttempt<Value> {
  let value: Value
  /// What there is to commit; `nil` when nothing was written: the body then saw one snapshot, which is
  /// serializable.
  let request: CommitRequest?
  private let tree: Tree
  private let snapshot: UInt64

  init(
    _ tree: Tree, _ options: EngineOptions, _ durability: Durability,
    _ body: (any KeyValueTransaction) throws -> Value
  ) throws {
    let (state, snapshot) = tree.registeredView()
    var isReady = false
    defer { if !isReady { tree.snapshots.remove(snapshot) } }
    let transaction = EngineTransaction(
      ReadView(state, snapshot: snapshot), byteLimit: options.transactionLimit)
    defer { transaction.end() }
    let value = try body(transaction)
    try transaction.batch.checkAddends()
    self.value = value
    request =
      transaction.batch.isEmpty
      ? nil
      : CommitRequest(
        .batch, batch: transaction.batch, reads: transaction.reads, snapshot: snapshot, durability: durability
      )
    self.tree = tree
    self.snapshot = snapshot
    isReady = true
  }

  deinit { tree.snapshots.remove(snapshot) }
}
