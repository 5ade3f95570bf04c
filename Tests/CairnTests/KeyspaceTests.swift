import CairnTesting
import Testing

@testable import Cairn

/// The keys are as the specification says, so that other programs can read them.
@Suite struct KeyspaceTests {
  @Test func everyKeyOfASmallStore() async throws {
    let keyValueStore = InMemoryStore()
    let store = try await Store(over: keyValueStore, time: SimulatedTime())
    let committed = try await store.commit { transaction throws in
      try transaction.save(Progress(), to: Timeline<Progress>("t"))
      try transaction.append(Fact(number: 1), to: Journal<Fact>("j"), once: "k")
    }
    let position = try #require(committed.position)
    let keys = try keyValueStore.contents().map { try Tuple(decoding: $0.key) }
    #expect(
      keys == [
        Tuple(0), Tuple(1, "t", 0), Tuple(1, "t", 1, 1), Tuple(1, "t", 2, 1), Tuple(2, "j", 0),
        Tuple(2, "j", 1, 1),
        Tuple(2, "j", 2, "k"), Tuple(3, .position(position)),
      ])
  }

  @Test(arguments: [0, 1, 2, 255, 256, UInt64(Int64.max), UInt64(Int64.max) + 1, .max])
  func numbersAreFoundInTheirKeysAndRanges(_ number: UInt64) throws {
    let keys = Keyspace.OfJournal(try StoredName("j\u{0}")).events
    let key = keys.key(number)
    if number > 0 {
      #expect(try keys.number(in: key) == number)
      #expect(!keys.range(through: number - 1).contains(key))
    } else {
      #expect(throws: StoreError.self) { try keys.number(in: key) }
    }
    if number < .max { #expect(!keys.range(from: number + 1).contains(key)) }
    #expect(keys.range().contains(key))
    #expect(keys.range(from: number, through: number).contains(key))
  }

  @Test func keysThatEndInSomethingElse() throws {
    let keys = Keyspace.OfJournal(try StoredName("j")).events
    let prefix = Tuple(2, "j", 1)
    for rest in [Tuple(), Tuple("1"), Tuple(-1), Tuple(1, 1), Tuple(.position(CommitPosition(rawValue: 1)))] {
      #expect(throws: StoreError.self) { try keys.number(in: prefix.encoded() + rest.encoded()) }
      let inOrder = Tuple(3).encoded() + rest.encoded() + [0]
      #expect(throws: StoreError.self) { try Keyspace.CommitOrder.position(in: inOrder) }
    }
  }
}
