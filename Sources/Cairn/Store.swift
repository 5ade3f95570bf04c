@_exported public import CairnKV

/// A store of timelines and journals: one handle, one kind of transaction, typed names.
///
///     try await store.write { transaction in
///       try transaction.append(.reviewed(document), to: audit, once: document.id)
///       try transaction.save(progress, to: timeline)
///     }
///
/// Everything in one `write` is committed together or not at all. Every form of call throws ``StoreError``
/// for what goes wrong in the store, and passes on what the body throws.
public final class Store: Sendable {
  private let keyValueStore: any KeyValueStore
  private let time: any TimeSource

  /// A store over a key-value store, which it owns from now on: nothing else may write to it, and
  /// ``close()`` closes it.
  ///
  /// An empty key-value store becomes one of the workflow layer, durably.
  /// - Throws: `.incompatible` when a newer program wrote the store, `.damagedRecord` when it is not empty
  ///   but not of the workflow layer, `.storage`.
  public init(over keyValueStore: any KeyValueStore, time: any TimeSource) async throws(StoreError) {
    self.keyValueStore = keyValueStore
    self.time = time
    do {
      if try await keyValueStore.read({ try Layout.check($0) }) { return }
      _ = try await keyValueStore.transact(.durable) { transaction in
        if try !Layout.check(transaction) {
          try transaction.set(Keyspace.layout, to: Layout().encoded().bytes)
        }
      }
    } catch {
      throw Self.storeError(error)
    }
  }

  /// Runs `body` and commits what it did.
  ///
  /// When something that `body` read was changed by another commit meanwhile, it runs again on the newer
  /// state, a bounded number of times. So it should have no effect but through its transaction. When it
  /// throws, nothing is committed, and the error is passed on. It cannot await, nor keep the transaction: a
  /// commit waits for nothing.
  /// - Parameter durability: When the commit counts as done; ``Durability/durable`` unless told otherwise.
  /// - Returns: What the last run of `body` returned, once the commit is as durable as asked for.
  /// - Throws: What `body` threw, or `StoreError.storage`: with `.conflict` when the runs are used up, with
  ///   `.outcomeUnknown` when storage failed while the commit was under way.
  @discardableResult
  public func write<Result>(
    durability: Durability = .durable, _ body: (borrowing Transaction) throws -> Result
  ) async throws -> Result {
    try await commit(durability: durability, body).value
  }

  /// As ``write(durability:_:)``, for who wants to know where the commit stands in the commit order.
  /// - Returns: What the last run of `body` returned, and the commit's position, which is `nil` when nothing
  ///   was written. Events of the commit have positions from this one on, and below that of any later commit.
  @discardableResult
  public func commit<Result>(
    durability: Durability = .durable, _ body: (borrowing Transaction) throws -> Result
  ) async throws -> Committed<Result> {
    do {
      return try await keyValueStore.transact(durability) { keyValueTransaction in
        let transaction = Transaction(
          keyValueTransaction, time: Timestamp(microseconds: time.wallMicroseconds()))
        let result = try body(transaction)
        try transaction.writer.checkComplete()
        return result
      }
    } catch let error as StorageError {
      throw StoreError.storage(error)
    }
  }

  /// Runs `body` once, on a consistent snapshot of everything committed before the call.
  /// - Returns: What `body` returned.
  /// - Throws: What `body` threw, or `StoreError.storage`.
  public func read<Result>(_ body: (borrowing Snapshot) throws -> Result) async throws -> Result {
    do {
      return try await keyValueStore.read { reader in
        try body(Snapshot(reader))
      }
    } catch let error as StorageError {
      throw StoreError.storage(error)
    }
  }

  /// Makes everything committed so far durable, and lets go of the store. Afterwards every call throws
  /// `StoreError.storage` with the code `.closed`. Closing twice does nothing.
  public func close() async throws(StoreError) {
    do throws(StorageError) {
      try await keyValueStore.close()
    } catch {
      throw .storage(error)
    }
  }

  private static func storeError(_ error: any Error) -> StoreError {
    switch error {
    case let error as StoreError: error
    case let error as StorageError: .storage(error)
    default: .storage(StorageError(.inputOutput, "opening failed: \(error)"))
    }
  }
}
