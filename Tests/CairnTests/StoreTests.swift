import Cairn
import CairnTesting
import Testing

@Suite struct StoreTests {
  @Test(arguments: StoreFactory.all)
  func oneWriteIsOneCommit(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    let first = try await store.commit { transaction throws in
      try transaction.append(Fact(number: 1), to: audit)
      try transaction.save(Progress(done: [1]), to: progress)
      try transaction.append(Fact(number: 1), to: Journal<Fact>("other"))
    }
    let second = try await store.commit(durability: .buffered) {
      try $0.append(Fact(number: 2), to: audit)
    }
    let firstPosition = try #require(first.position)
    let secondPosition = try #require(second.position)
    try await store.read { snapshot throws in
      let positions = try snapshot.events().map(\.position)
      try #require(positions.count == 3)
      #expect(firstPosition <= positions[0] && positions[0] < positions[1])
      #expect(positions[1] < secondPosition && secondPosition <= positions[2])
    }
  }

  @Test(arguments: StoreFactory.all)
  func aWriteThatThrowsLeavesNothing(_ factory: StoreFactory) async throws {
    let keyValueStore = try await factory.make()
    let store = try await Store(over: keyValueStore, time: SimulatedTime())
    try await store.write { transaction throws in
      try transaction.append(Fact(number: 1), to: audit)
      try transaction.save(Progress(), to: progress)
    }
    let before = try await keyValueStore.read { try $0.entries(in: .all) }
    struct Refusal: Error {}
    for failingAfter in 0..<5 {
      await #expect(throws: Refusal.self) {
        try await store.write { transaction throws in
          var count = 0
          func step() throws {
            if count == failingAfter { throw Refusal() }
            count += 1
          }
          try step()
          try transaction.append(Fact(number: 2), to: audit, once: "k")
          try step()
          try transaction.save(Progress(done: [2]), to: progress)
          try step()
          try transaction.append(Fact(number: 1), to: Journal<Fact>("other"))
          try step()
          try transaction.save(Progress(), to: Timeline<Progress>("other"))
          try step()
        }
      }
      #expect(try await keyValueStore.read { try $0.entries(in: .all) } == before)
    }
  }

  @Test(arguments: StoreFactory.all)
  func aWriteOfNothingHasNoPosition(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    let committed = try await store.commit { try $0.load(progress)?.step }
    #expect(committed.position == nil && committed.value == nil)
  }

  @Test(arguments: StoreFactory.all)
  func aTransactionSeesItsCheckpoints(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    try await store.write { transaction throws in
      let id = try transaction.save(Progress(done: [1]), to: progress)
      #expect(try transaction.load(progress)?.state == Progress(done: [1]))
      #expect(try transaction.load(progress, at: id)?.id == id)
      #expect(try transaction.history(of: progress).map(\.id) == [id])
      #expect(try transaction.checkpoints(of: progress).map(\.state) == [Progress(done: [1])])
    }
  }

  @Test(
    arguments: StoreFactory.all,
    ["", String(repeating: "x", count: 1_025), String(repeating: "é", count: 513)])
  func namesThatCannotBe(_ factory: StoreFactory, name: String) async throws {
    let store = try await factory.open()
    func expectRefusal(_ error: StoreError?, sourceLocation: SourceLocation = #_sourceLocation) {
      guard case .invalidName(name, _) = error else {
        Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
        return
      }
    }
    let timeline = Timeline<Progress>(name)
    let journal = Journal<Fact>(name)
    try await store.write { transaction throws in
      expectRefusal(#expect(throws: StoreError.self) { try transaction.save(Progress(), to: timeline) })
      expectRefusal(#expect(throws: StoreError.self) { try transaction.load(timeline) })
      expectRefusal(#expect(throws: StoreError.self) { try transaction.append(Fact(number: 1), to: journal) })
      expectRefusal(#expect(throws: StoreError.self) { try transaction.events(in: journal) })
      expectRefusal(
        #expect(throws: StoreError.self) { try transaction.append(Fact(number: 1), to: audit, once: name) })
    }
    #expect(try await store.read { try $0.version(of: audit) } == 0)
  }

  @Test(
    arguments: StoreFactory.all,
    [String(repeating: "x", count: 1_024), String(repeating: "\u{0}", count: 1_024), " ", "a/b\u{1}"])
  func namesThatCan(_ factory: StoreFactory, name: String) async throws {
    let store = try await factory.open()
    try await store.write { transaction throws in
      try transaction.save(Progress(), to: Timeline<Progress>(name))
      try transaction.append(Fact(number: 1), to: Journal<Fact>(name), once: name)
    }
    try await store.read { snapshot throws in
      #expect(try snapshot.load(Timeline<Progress>(name)) != nil)
      #expect(try snapshot.events().map(\.journal) == [name])
    }
  }

  @Test(arguments: StoreFactory.all)
  func aStoreIsReopenedOverItsKeys(_ factory: StoreFactory) async throws {
    let keyValueStore = try await factory.make()
    let first = try await Store(over: keyValueStore, time: SimulatedTime())
    try await first.write { try $0.save(Progress(), to: progress) }
    let again = try await Store(over: keyValueStore, time: SimulatedTime())
    #expect(try await again.read { try $0.load(progress)?.id.rawValue } == 1)
  }

  @Test(arguments: StoreFactory.all)
  func aNewerLayoutIsRefused(_ factory: StoreFactory) async throws {
    let keyValueStore = try await factory.make()
    _ = try await keyValueStore.transact(.durable) { try $0.set(Tuple(0).encoded(), to: [0x82, 1, 2]) }
    await #expect(throws: StoreError.incompatible(found: 2, supported: 1)) {
      _ = try await Store(over: keyValueStore, time: SimulatedTime())
    }
  }

  @Test(arguments: StoreFactory.all)
  func keysOfSomethingElseAreRefused(_ factory: StoreFactory) async throws {
    let keyValueStore = try await factory.make()
    _ = try await keyValueStore.transact(.durable) { try $0.set([0xFF], to: []) }
    do {
      _ = try await Store(over: keyValueStore, time: SimulatedTime())
      Issue.record("a store of something else was opened")
    } catch {
      guard case .damagedRecord(Tuple(0).encoded(), _) = error else {
        Issue.record("\(error)")
        return
      }
    }
    #expect(try await keyValueStore.read { try $0.entries(in: .all).count } == 1)
  }

  @Test(arguments: StoreFactory.all)
  func aClosedStoreSaysSo(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    try await store.close()
    try await store.close()
    func expectClosed(_ body: () async throws -> Void) async {
      do {
        try await body()
        Issue.record("a closed store was used")
      } catch {
        guard case .storage(let storage)? = error as? StoreError, storage.code == .closed else {
          Issue.record("\(error)")
          return
        }
      }
    }
    await expectClosed { try await store.write { _ = try $0.save(Progress(), to: progress) } }
    await expectClosed { _ = try await store.read { try $0.load(progress) } }
  }

  @Test func aConflictRunsTheBodyAgain() async throws {
    let keyValueStore = InMemoryStore()
    let store = try await Store(over: keyValueStore, time: SimulatedTime())
    keyValueStore.beforeNextCommit {
      try await store.write { _ = try $0.save(Progress(note: "theirs"), to: progress) }
    }
    var runs = 0
    let id = try await store.write { transaction throws in
      runs += 1
      return try transaction.save(Progress(note: "ours"), to: progress)
    }
    #expect(runs == 2 && id.rawValue == 2)
    let notes = try await store.read { try $0.checkpoints(of: progress).map(\.state.note) }
    #expect(notes == ["ours", "theirs"])
  }

  /// An append is several changes. When storage refuses one of them and the body catches that, the others
  /// must not be committed.
  @Test func aRefusedChangeCannotBeCommittedInPart() async throws {
    let keyValueStore = InMemoryStore(valueBytes: 100)
    let store = try await Store(over: keyValueStore, time: SimulatedTime())
    let large = String(repeating: "x", count: 200)
    do {
      try await store.write { transaction throws in
        try transaction.save(Progress(), to: progress)
        #expect(throws: StoreError.self) {
          try transaction.append(Fact(number: 1), Fact(number: 2, text: large), to: audit)
        }
        #expect(throws: StoreError.self) { try transaction.save(Progress(), to: progress) }
      }
      Issue.record("a part was committed")
    } catch {
      guard case .storage(let storage)? = error as? StoreError, storage.code == .valueTooLarge else {
        Issue.record("\(error)")
        return
      }
    }
    #expect(try keyValueStore.contents().count == 1)
  }
}
