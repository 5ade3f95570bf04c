import CairnKV

/// Changes that take effect together, when the body of the ``Store/write(durability:_:)`` that made it
/// returns.
///
/// It reads one snapshot, with its own changes on top; only events that it appended are not there to be read
/// yet, since their positions are not known before the commit. (``version(of:)`` counts them.)
///
/// It lives as long as that body: it cannot be copied, kept, or carried across an `await`, which the compiler
/// checks.
///
/// A call that throws has changed nothing, and the transaction can go on; but when it was the key-value store
/// that refused a change, the transaction will not commit: every later change, and the commit, throw the same
/// error.
public struct Transaction: ~Copyable {
  let source: RecordSource
  let writer: TransactionWriter
  /// The time of everything in this transaction.
  let time: Timestamp

  init(_ transaction: any KeyValueTransaction, time: Timestamp) {
    source = RecordSource(reader: transaction)
    writer = TransactionWriter(transaction)
    self.time = time
  }
}

/// The writing half of a transaction, and what has to be remembered until its end.
final class TransactionWriter {
  private let transaction: any KeyValueTransaction
  private var failure: StoreError?
  private var orderedCount: UInt32 = 0

  init(_ transaction: any KeyValueTransaction) {
    self.transaction = transaction
  }

  /// Writes a record that holds no position.
  func set(_ key: [UInt8], to record: some WritableRecord) throws(StoreError) {
    let value = record.encoded().bytes
    try change { () throws(StorageError) in try transaction.set(key, to: value) }
  }

  /// Writes a record whose key or value holds a position.
  func set(_ key: CommitOrderedBytes, to record: some WritableRecord) throws(StoreError) {
    let value = record.encoded()
    try change { () throws(StorageError) in try transaction.set(key, to: value) }
  }

  /// The number of the next thing that this transaction puts into the commit order, from 0. Each such thing
  /// is written with at least one operation, so that the number is always less than the number of operations.
  func nextAddend() throws(StoreError) -> UInt32 {
    guard orderedCount < .max else {
      let error = StoreError.invalidArgument("more than \(UInt32.max) events in one transaction")
      failure = error
      throw error
    }
    defer { orderedCount += 1 }
    return orderedCount
  }

  /// Throws what the key-value store refused, if it did. A body may have caught it, and what was one change
  /// to the body (an event, its place in the commit order, its journal's head) would be committed in part.
  func checkComplete() throws(StoreError) {
    if let failure { throw failure }
  }

  private func change(_ body: () throws(StorageError) -> Void) throws(StoreError) {
    try checkComplete()
    do throws(StorageError) {
      try body()
    } catch {
      failure = .storage(error)
      throw .storage(error)
    }
  }
}
