public import CairnKV
import Synchronization

/// The key-value store of the seam at its plainest: a sorted array, and nothing on disk.
///
/// It is for tests, and is the model that other implementations are compared with, so it is written to be
/// seen to be right: a write costs time in proportion to the number of keys. What it promises is what
/// ``KeyValueStore`` promises, with these choices where the seam leaves one:
/// - A transaction runs at most ``maximumRuns`` times.
/// - What a transaction has read has changed when a key that was read, or lies in the part of a range that
///   was passed over, was added, removed or written meanwhile, be it with the value that it had.
/// - A commit's position is one more than the last position of the commit before, and it takes as many
///   positions as the transaction has operations.
/// - Nothing is durable: ``Durability`` makes no difference, and closing lets go of everything.
public final class InMemoryStore: KeyValueStore, Sendable {
  /// How often a transaction's body runs before its conflicts are given up on with `.conflict`.
  public static let maximumRuns = 1000

  /// What is committed, by one lock that is held for single steps only and never while a body runs.
  private struct State {
    var entries = SortedEntries()
    var lastPosition: UInt64 = 0
    var isClosed = false
    var beforeNextCommit: (@Sendable () async throws -> Void)?
  }

  private let state = Mutex(State())
  private let valueBytes: Int
  private let transactionBytes: Int

  /// An empty store.
  ///
  /// Its limits are those of the seam, and can be set lower, to see what a program does at them.
  /// - Parameters:
  ///   - valueBytes: The largest value.
  ///   - transactionBytes: The largest sum, over a transaction's operations, of keys, values, and 16 for
  ///     framing.
  public init(
    valueBytes: Int = StorageLimits.valueBytes, transactionBytes: Int = StorageLimits.transactionBytes
  ) {
    self.valueBytes = min(valueBytes, StorageLimits.valueBytes)
    self.transactionBytes = min(transactionBytes, StorageLimits.transactionBytes)
  }

  /// Runs `action` once, between the body of the next transaction that writes something and its commit: the
  /// moment at which another commit makes a conflict. The action may use the store. What it throws, the
  /// transaction throws.
  public func beforeNextCommit(_ action: @escaping @Sendable () async throws -> Void) {
    state.withLock { $0.beforeNextCommit = action }
  }

  /// Everything in the store, in key order.
  public func contents() throws(StorageError) -> [KeyValue] {
    try snapshot().all
  }

  /// Runs `body` on the store as it is now. Never waits.
  public func read<Result>(_ body: (any KeyValueReader) throws -> Result) async throws -> Result {
    let reader = InMemoryReader(try snapshot())
    defer { reader.end() }
    return try body(reader)
  }

  /// Runs `body`, again if what it has read is changed before it commits, but not without end: then it throws
  /// `.conflict`. Every durability is the same here.
  public func transact<Result>(
    _ durability: Durability, _ body: (any KeyValueTransaction) throws -> Result
  ) async throws -> Committed<Result> {
    for _ in 0..<Self.maximumRuns {
      let transaction = InMemoryTransaction(
        try snapshot(), valueBytes: valueBytes, transactionBytes: transactionBytes)
      let value: Result
      do {
        defer { transaction.end() }
        value = try body(transaction)
      }
      guard !transaction.operations.isEmpty else { return Committed(value: value, position: nil) }
      if let action = state.withLock({ $0.beforeNextCommit.take() }) { try await action() }
      if let position = try commit(transaction) { return Committed(value: value, position: position) }
    }
    throw StorageError(
      .conflict,
      "the transaction ran \(Self.maximumRuns) times, and each time something that it had read changed; "
        + "nothing was written; try again, or read less")
  }

  /// Forgets everything. From then on every call throws `.closed`.
  public func close() async throws(StorageError) {
    state.withLock { state in
      state = State()
      state.isClosed = true
    }
  }

  /// Validates and applies a transaction.
  /// - Returns: The commit's position; `nil` when something that was read has changed.
  private func commit(_ transaction: InMemoryTransaction) throws(StorageError) -> CommitPosition? {
    let operations = transaction.operations
    if let operation = operations.first(where: { $0.addend >= operations.count }) {
      throw StorageError(
        .invalidArgument,
        "an addend of \(operation.addend) in a transaction of \(operations.count) operations; it must be less"
      )
    }
    let outcome: Result<CommitPosition?, StorageError> = state.withLock { state in
      if state.isClosed { return .failure(.storeIsClosed) }
      guard transaction.isUnchanged(in: state.entries) else { return .success(nil) }
      let (next, overflow) = state.lastPosition.addingReportingOverflow(UInt64(operations.count))
      guard !overflow else {
        return .failure(StorageError(.transactionTooLarge, "there are no positions left"))
      }
      let position = CommitPosition(rawValue: state.lastPosition + 1)
      state.lastPosition = next
      for operation in operations { state.entries.apply(operation, at: position) }
      return .success(position)
    }
    return try outcome.get()
  }

  private func snapshot() throws(StorageError) -> SortedEntries {
    let entries: SortedEntries? = state.withLock { $0.isClosed ? nil : $0.entries }
    guard let entries else { throw .storeIsClosed }
    return entries
  }
}

extension StorageError {
  fileprivate static let storeIsClosed = StorageError(
    .closed, "the store was closed; open it again to use it")
}
