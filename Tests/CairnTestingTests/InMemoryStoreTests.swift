import CairnKV
import CairnTesting
import Testing

@Suite struct InMemoryStoreTests {
  private let store = InMemoryStore()

  private func put(_ key: [UInt8], _ value: [UInt8] = []) async throws {
    _ = try await store.transact(.durable) { try $0.set(key, to: value) }
  }

  @Test func positionsGrowByTheNumberOfOperations() async throws {
    let first = try await store.transact(.durable) { transaction in
      try transaction.set([1], to: [])
      try transaction.remove([9])
      try transaction.remove(KeyRange.prefix([9]))
    }
    #expect(first.position == CommitPosition(rawValue: 1))
    let nothing = try await store.transact(.durable) { try $0.get([1]) }
    #expect(nothing.position == nil && nothing.value == [])
    let second = try await store.transact(.buffered) { try $0.set([2], to: []) }
    #expect(second.position == CommitPosition(rawValue: 4))
  }

  @Test func aThrowingBodyLeavesNothingAndTakesNoPosition() async throws {
    struct Refusal: Error {}
    await #expect(throws: Refusal.self) {
      try await store.transact(.durable) { transaction -> Void in
        try transaction.set([1], to: [1])
        throw Refusal()
      }
    }
    #expect(try store.contents().isEmpty)
    #expect(try await store.transact(.durable) { try $0.set([1], to: []) }.position?.rawValue == 1)
  }

  @Test func commitOrderedKeysAndValuesHoldThePosition() async throws {
    try await put([0])
    let committed = try await store.transact(.durable) { transaction in
      for addend in UInt32(0)..<3 {
        try transaction.set(
          CommitOrderedBytes(prefix: [7], addend: addend, suffix: [8]),
          to: CommitOrderedBytes(prefix: [], addend: addend))
      }
      // Their place is not known yet.
      #expect(try transaction.entries(in: .prefix([7])).isEmpty)
    }
    #expect(committed.position?.rawValue == 2)
    let entries = try await store.read { try $0.entries(in: .prefix([7])) }
    #expect(entries.map(\.key) == (2...4).map { [7, 0, 0, 0, 0, 0, 0, 0, $0, 8] })
    #expect(entries.map(\.value) == (2...4).map { [0, 0, 0, 0, 0, 0, 0, $0] })
    #expect(try await store.transact(.durable) { try $0.set([1], to: []) }.position?.rawValue == 5)
  }

  @Test(arguments: [UInt32(1), 2, .max])
  func anAddendBeyondTheOperationsIsRefused(_ addend: UInt32) async throws {
    await expect(.invalidArgument) {
      _ = try await store.transact(.durable) {
        try $0.set(CommitOrderedBytes(prefix: [], addend: addend), to: CommitOrderedBytes([]))
      }
    }
    await expect(.invalidArgument) {
      _ = try await store.transact(.durable) {
        try $0.set(CommitOrderedBytes([1]), to: CommitOrderedBytes(prefix: [], addend: addend))
      }
    }
    #expect(try store.contents().isEmpty)
  }

  /// What one transaction reads, what another does meanwhile, and whether that is a conflict.
  struct Interleaving: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let read: @Sendable (any KeyValueTransaction) throws -> Void
    let write: @Sendable (any KeyValueTransaction) throws -> Void
    let isConflict: Bool

    /// Over the keys 10, 20, 30, 40.
    static let all: [Interleaving] = [
      .init("nothing read", { _ in }, { try $0.remove(.all) }, false),
      .init("key rewritten", { _ = try $0.get([20]) }, { try $0.set([20], to: [9]) }, true),
      .init("key rewritten with its value", { _ = try $0.get([20]) }, { try $0.set([20], to: [20]) }, true),
      .init("key removed", { _ = try $0.get([20]) }, { try $0.remove([20]) }, true),
      .init("missing key added", { _ = try $0.get([21]) }, { try $0.set([21], to: []) }, true),
      .init("missing key still missing", { _ = try $0.get([21]) }, { try $0.remove([21]) }, false),
      .init("another key", { _ = try $0.get([20]) }, { try $0.set([20, 0], to: []) }, false),
      .init(
        "range removed", { _ = try $0.get([20]) }, { try $0.remove(KeyRange(from: [11], to: [21])) }, true),
      .init(
        "range removed beside it", { _ = try $0.get([20]) },
        { try $0.remove(KeyRange(from: [11], to: [20])) }, false),
      .init(
        "commit-ordered value", { _ = try $0.get([20]) },
        {
          try $0.set(CommitOrderedBytes([20]), to: CommitOrderedBytes(prefix: []))
        }, true),
      .init("first: added before it", { _ = try $0.first(in: .all) }, { try $0.set([5], to: []) }, true),
      .init(
        "first: added behind it", { _ = try $0.first(in: .all) }, { try $0.set([10, 0], to: []) }, false),
      .init("last: added behind it", { _ = try $0.last(in: .all) }, { try $0.set([50], to: []) }, true),
      .init("last: added before it", { _ = try $0.last(in: .all) }, { try $0.set([39], to: []) }, false),
      .init(
        "first of an empty range", { _ = try $0.first(in: .prefix([15])) }, { try $0.set([15], to: []) }, true
      ),
      .init("scan: within", { try stopAt(30, $0, .ascending) }, { try $0.set([25], to: []) }, true),
      .init("scan: behind the stop", { try stopAt(30, $0, .ascending) }, { try $0.set([31], to: []) }, false),
      .init("scan back: within", { try stopAt(30, $0, .descending) }, { try $0.remove([40]) }, true),
      .init(
        "scan back: before the stop", { try stopAt(30, $0, .descending) }, { try $0.set([29], to: []) }, false
      ),
      .init("scan: to its limit", { _ = try $0.entries(in: .all, limit: 2) }, { try $0.remove([30]) }, false),
      .init(
        "scan: to its end", { _ = try $0.entries(in: .all, limit: 5) }, { try $0.set([50], to: []) }, true),
      .init(
        "scan: nothing asked", { _ = try $0.entries(in: .all, limit: 0) }, { try $0.remove(.all) }, false),
    ]

    init(
      _ testDescription: String, _ read: @escaping @Sendable (any KeyValueTransaction) throws -> Void,
      _ write: @escaping @Sendable (any KeyValueTransaction) throws -> Void, _ isConflict: Bool
    ) {
      self.testDescription = testDescription
      self.read = read
      self.write = write
      self.isConflict = isConflict
    }

    private static func stopAt(
      _ key: UInt8, _ reader: any KeyValueReader, _ direction: ScanDirection
    ) throws {
      try reader.scan(.all, direction, limit: nil) { $0.key == [key] ? .stop : .proceed }
    }
  }

  @Test(arguments: Interleaving.all)
  func whatWasReadIsValidated(_ interleaving: Interleaving) async throws {
    for key in [10, 20, 30, 40] as [UInt8] { try await put([key], [key]) }
    store.beforeNextCommit { [store] in
      _ = try await store.transact(.durable) { try interleaving.write($0) }
    }
    var runs = 0
    _ = try await store.transact(.durable) { transaction in
      runs += 1
      try interleaving.read(transaction)
      try transaction.set([99], to: [])
    }
    #expect(runs == (interleaving.isConflict ? 2 : 1))
    #expect(try store.contents().last?.key == [99])
  }

  @Test func runsAreBounded() async throws {
    var runs = 0
    let store = store
    /// Before every commit but its own, changes what the transaction under test reads.
    @Sendable func interfere() {
      store.beforeNextCommit {
        _ = try await store.transact(.durable) { try $0.set([1], to: []) }
      }
    }
    await expect(.conflict) {
      _ = try await store.transact(.durable) { transaction in
        runs += 1
        interfere()
        _ = try transaction.get([1])
        try transaction.set([2], to: [])
      }
    }
    #expect(runs == InMemoryStore.maximumRuns)
    #expect(try store.contents().map(\.key) == [[1]])
  }

  @Test func limitsAreKept() async throws {
    let longest = [UInt8](repeating: 1, count: StorageLimits.keyBytes)
    try await put(longest)
    #expect(try await store.read { try $0.get(longest) } == [])
    await expect(.keyTooLong) { try await put(longest + [1]) }
    await expect(.keyTooLong) { _ = try await store.read { try $0.get(longest + [1]) } }
    await expect(.keyTooLong) { _ = try await store.transact(.durable) { try $0.remove(longest + [1]) } }
    _ = try await store.transact(.durable) { try $0.remove(.key(longest)) }
    #expect(try store.contents().isEmpty)

    let small = InMemoryStore(valueBytes: 4, transactionBytes: 40)
    await expect(.valueTooLarge) {
      _ = try await small.transact(.durable) { try $0.set([1], to: [1, 2, 3, 4, 5]) }
    }
    _ = try await small.transact(.durable) { transaction in
      try transaction.set([1], to: [1, 2, 3])
      try transaction.set([2], to: [1, 2, 3])
    }
    await expect(.transactionTooLarge) {
      _ = try await small.transact(.durable) { transaction in
        try transaction.set([1], to: [1, 2, 3])
        try transaction.set([2], to: [1, 2, 3, 4])
      }
    }
    #expect(try small.contents().count == 2)
  }

  @Test func aReaderEndsWithItsBody() async throws {
    try await put([1])
    let reader = try await store.read { $0 }
    let transaction = try await store.transact(.durable) { $0 }.value
    for reader in [reader, transaction] as [any KeyValueReader] {
      await expect(.ended) { _ = try reader.get([1]) }
      await expect(.ended) { _ = try reader.first(in: .all) }
      await expect(.ended) { _ = try reader.last(in: .all) }
      await expect(.ended) { _ = try reader.entries(in: .all) }
    }
    await expect(.ended) { try transaction.set([1], to: []) }
    await expect(.ended) { try transaction.set(CommitOrderedBytes([1]), to: CommitOrderedBytes([])) }
    await expect(.ended) { try transaction.remove([1]) }
    await expect(.ended) { try transaction.remove(.all) }
  }

  @Test func aClosedStoreRefusesEverything() async throws {
    try await put([1])
    store.beforeNextCommit { [store] in try await store.close() }
    await expect(.closed) { try await put([2]) }
    await expect(.closed) { _ = try await store.read { try $0.get([1]) } }
    await expect(.closed) { _ = try await store.transact(.durable) { _ in } }
    await expect(.closed) { _ = try store.contents() }
    try await store.close()
  }

  @Test func aSnapshotStays() async throws {
    try await put([1], [1])
    var seen: [[UInt8]?] = []
    store.beforeNextCommit { [store] in
      _ = try await store.transact(.durable) { try $0.set([1], to: [2]) }
    }
    _ = try await store.transact(.durable) { transaction in
      seen.append(try transaction.get([1]))
      try transaction.set([1], to: [3])
      seen.append(try transaction.get([1]))
      try transaction.remove(.prefix([1]))
      seen.append(try transaction.get([1]))
      try transaction.set([1], to: [4])
    }
    #expect(seen == [[1], [3], nil, [2], [3], nil])
    #expect(try store.contents() == [KeyValue(key: [1], value: [4])])
  }

  private func expect(
    _ code: StorageError.Code, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
  ) async {
    do {
      try await body()
      Issue.record("nothing was thrown, but \(code) was expected", sourceLocation: sourceLocation)
    } catch {
      #expect((error as? StorageError)?.code == code, sourceLocation: sourceLocation)
    }
  }
}
