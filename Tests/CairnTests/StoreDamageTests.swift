import CairnTesting
import Testing

@testable import Cairn

/// What the layer does with keys and records that it did not write. The key-value store has checksums; the
/// layer has none, so a changed payload is another payload. But nothing crashes it, and what does not fit is
/// named.
@Suite struct StoreDamageTests {
  private let keyValueStore = InMemoryStore()

  private func filledStore(count: Int = 3) async throws -> Store {
    let store = try await Store(over: keyValueStore, time: SimulatedTime())
    try await store.write { transaction throws in
      for number in 1...count {
        try transaction.append(Fact(number: number), to: audit, once: "once \(number)")
        try transaction.save(Progress(done: [number]), to: progress, tags: ["a": "b"], metadata: [number])
      }
    }
    return store
  }

  private func change(_ body: (any KeyValueTransaction) throws -> Void) async throws {
    _ = try await keyValueStore.transact(.durable, body)
  }

  /// The reads and writes that between them come by every record, each by itself.
  private static let uses: [@Sendable (borrowing Transaction) throws -> Void] = [
    { _ = try $0.load(progress) },
    { _ = try $0.history(of: progress).map { try $0.metadata(as: [Int].self) } },
    { _ = try $0.checkpoints(of: progress) },
    { _ = try $0.events(in: audit) },
    { _ = try $0.events(in: audit, from: .position(CommitPosition(rawValue: 4))) },
    { _ = try $0.events(in: audit, from: .position(CommitPosition(rawValue: 4)), .descending) },
    { _ = try $0.events().map { try $0.decoded(as: Fact.self) } },
    { try $0.save(Progress(), to: progress) },
    { for number in 1...3 { try $0.append(Fact(number: 9), to: audit, once: "once \(number)") } },
    { try $0.append(Fact(number: 9), to: audit) },
  ]

  /// Runs every use in one transaction, which is not committed.
  /// - Returns: The errors of the layer; an error of any other kind fails the test.
  private func errors(_ store: Store) async throws -> [StoreError] {
    struct Done: Error {}
    var errors: [StoreError] = []
    do {
      try await store.write { transaction throws in
        for use in Self.uses {
          do { try use(transaction) } catch let error as StoreError { errors.append(error) }
        }
        throw Done()
      }
    } catch is Done {}
    return errors
  }

  @Test func aStoreWithoutDamageHasNoErrors() async throws {
    #expect(try await errors(filledStore()).isEmpty)
  }

  /// Every bit of every record's value, and of every key, flipped by itself.
  @Test func noFlippedBitCrashes() async throws {
    let store = try await filledStore(count: 1)
    let contents = try keyValueStore.contents()
    for entry in contents {
      for bit in 0..<entry.value.count * 8 {
        var value = entry.value
        value[bit / 8] ^= 1 << UInt8(bit % 8)
        try await change { try $0.set(entry.key, to: value) }
        _ = try await errors(store)
      }
      for bit in 0..<entry.key.count * 8 {
        var key = entry.key
        key[bit / 8] ^= 1 << UInt8(bit % 8)
        try await change { transaction in
          try transaction.remove(.all)
          for other in contents where other.key != entry.key {
            try transaction.set(other.key, to: other.value)
          }
          try transaction.set(key, to: entry.value)
        }
        _ = try await errors(store)
      }
      try await change { transaction in
        try transaction.remove(.all)
        for entry in contents { try transaction.set(entry.key, to: entry.value) }
      }
    }
    #expect(try await errors(store).isEmpty)
  }

  /// A record that others refer to is missed, and the error names its key. The journal's and the timeline's
  /// heads are found missing by nobody but who looks for them: without a head there is nothing.
  @Test func aMissingRecordIsNamed() async throws {
    let store = try await filledStore()
    let contents = try keyValueStore.contents()
    let timeline = Keyspace.OfTimeline(try StoredName("batch-7"))
    let journal = Keyspace.OfJournal(try StoredName("audit"))
    let keys = [
      timeline.information.key(3), timeline.states.key(1), timeline.states.key(3), journal.events.key(2),
    ]
    for key in keys {
      let entry = try #require(contents.first { $0.key == key })
      try await change { try $0.remove(key) }
      let named = try await errors(store).contains { error in
        if case .damagedRecord(key, _) = error { true } else { false }
      }
      #expect(named, "\(key)")
      try await change { try $0.set(key, to: entry.value) }
    }
  }

  @Test func aPlaceInTheCommitOrderThatIsNotTheEventsOwnIsNamed() async throws {
    let store = try await filledStore()
    let order = try await keyValueStore.read { try $0.entries(in: Keyspace.CommitOrder.range()) }
    try #require(order.count == 3)
    try await change { transaction in
      try transaction.set(order[0].key, to: order[1].value)
      try transaction.set(order[1].key, to: order[0].value)
    }
    let error = try #require(try await errors(store).first)
    guard case .damagedRecord(_, let reason) = error, reason.contains("commit order") else {
      Issue.record("\(error)")
      return
    }
  }

  @Test func aHeadAtTheLastNumberIsDamage() async throws {
    let store = try await filledStore()
    let head = SequenceHead(last: .max).encoded().bytes
    let timeline = Keyspace.OfTimeline(try StoredName("batch-7")).head
    let journal = Keyspace.OfJournal(try StoredName("audit")).head
    try await change { transaction in
      try transaction.set(timeline, to: head)
      try transaction.set(journal, to: head)
    }
    await #expect(throws: StoreError.self) {
      try await store.write { _ = try $0.save(Progress(), to: progress) }
    }
    await #expect(throws: StoreError.self) {
      try await store.write { _ = try $0.append(Fact(number: 1), to: audit) }
    }
  }
}
