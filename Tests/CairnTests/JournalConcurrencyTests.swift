import Cairn
import CairnTesting
import Synchronization
import Testing

@Suite struct JournalConcurrencyTests {
  @Test(arguments: StoreFactory.all)
  func versionsAreContiguousUnderSixteenAppenders(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    let shared = Journal<Fact>("shared")
    let commits = try await withThrowingTaskGroup(of: [(CommitPosition, Range<UInt64>)].self) { group in
      for task in 0..<16 {
        group.addTask {
          var commits: [(CommitPosition, Range<UInt64>)] = []
          for round in 0..<20 {
            let committed = try await store.commit { transaction throws in
              try transaction.append(Fact(number: round), to: Journal<Fact>("of \(task)"))
              let events = (0...round % 3).map { Fact(number: task * 1_000 + round, text: "\($0)") }
              return try transaction.append(contentsOf: events, to: shared)
            }
            commits.append((try #require(committed.position), committed.value.versions))
          }
          return commits
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }

    // In commit order, each append took the versions that follow those of the one before.
    var next: UInt64 = 1
    for (_, versions) in commits.sorted(by: { $0.0 < $1.0 }) {
      #expect(versions.lowerBound == next)
      next = versions.upperBound
    }
    try await store.read { snapshot throws in
      let events = try snapshot.events(in: shared)
      #expect(events.map(\.version) == Array(1..<next))
      #expect(zip(events, events.dropFirst()).allSatisfy { $0.position < $1.position })
      for task in 0..<16 {
        let own = try snapshot.events(in: Journal<Fact>("of \(task)"))
        #expect(own.map(\.event.number) == Array(0..<20))
      }
      // The commit order and the journals hold the same events at the same positions.
      let whole = try snapshot.events()
      #expect(whole.count == events.count + 16 * 20)
      #expect(zip(whole, whole.dropFirst()).allSatisfy { $0.position < $1.position })
      #expect(try whole.filter { $0.journal == "shared" }.map { try $0.decoded(as: Fact.self) } == events)
    }
  }

  @Test(arguments: StoreFactory.all)
  func aOnceKeyAppendsOnceUnderConcurrency(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    let results = try await withThrowingTaskGroup(of: (key: Int, appended: Appended).self) { group in
      for task in 0..<160 {
        group.addTask {
          let key = task % 10
          let appended = try await store.write {
            try $0.append(Fact(number: key), Fact(number: key), to: audit, once: "key \(key)")
          }
          return (key, appended)
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    for key in 0..<10 {
      let ofKey = results.filter { $0.key == key }.map(\.appended)
      #expect(ofKey.count == 16)
      #expect(ofKey.filter { !$0.isRepeat }.count == 1)
      #expect(Set(ofKey.map(\.versions)).count == 1)
    }
    try await store.read { snapshot throws in
      #expect(try snapshot.events(in: audit).map(\.event.number).sorted() == (0..<20).map { $0 / 2 })
    }
  }

  /// A reader that goes on from behind the last position it has seen misses nothing while others append.
  @Test(arguments: StoreFactory.all)
  func aTailMissesNothing(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    final class Writers: Sendable {
      let left = Atomic(8)
    }
    let writers = Writers()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<8 {
        group.addTask {
          defer { writers.left.subtract(1, ordering: .sequentiallyConsistent) }
          for round in 0..<30 {
            try await store.write { try $0.append(Fact(number: round), to: Journal<Fact>("of \(task)")) }
          }
        }
      }
      group.addTask {
        var seen: [String: [Int]] = [:]
        var next = CommitPosition(rawValue: 0)
        while true {
          let isLast = writers.left.load(ordering: .sequentiallyConsistent) == 0
          let events = try await store.read { try $0.events(from: next, limit: isLast ? nil : 5) }
          for event in events {
            #expect(event.position >= next)
            next = CommitPosition(rawValue: event.position.rawValue + 1)
            seen[event.journal, default: []].append(try event.decoded(as: Fact.self).event.number)
          }
          if isLast { break }
          if events.isEmpty { await Task.yield() }
        }
        #expect(seen.count == 8 && seen.values.allSatisfy { $0 == Array(0..<30) })
      }
      try await group.waitForAll()
    }
  }

  @Test func anExpectationIsCheckedAgainWhenAnotherAppendCameBetween() async throws {
    let keyValueStore = InMemoryStore()
    let store = try await Store(over: keyValueStore, time: SimulatedTime())
    keyValueStore.beforeNextCommit {
      try await store.write { _ = try $0.append(Fact(number: 1), to: audit) }
    }
    await #expect(throws: StoreError.conflict(journal: "audit", expected: .none, actual: 1)) {
      try await store.write { try $0.append(Fact(number: 2), to: audit, expecting: .none) }
    }
    try await store.read { snapshot throws in
      #expect(try snapshot.events(in: audit).map(\.event.number) == [1])
    }
  }
}
