import CairnTesting
import Testing

@testable import Cairn

@Suite struct JournalTests {
  @Test(arguments: StoreFactory.all)
  func aJournalWithoutEventsIsEmpty(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    try await store.read { snapshot throws in
      #expect(try snapshot.version(of: audit) == 0)
      #expect(try snapshot.events().isEmpty)
      #expect(try snapshot.events(from: CommitPosition(rawValue: 1), .descending).isEmpty)
      for direction in [ScanDirection.ascending, .descending] {
        #expect(try snapshot.events(in: audit, direction).isEmpty)
        #expect(try snapshot.events(in: audit, from: .version(1), direction).isEmpty)
        #expect(
          try snapshot.events(in: audit, from: .position(CommitPosition(rawValue: 1)), direction).isEmpty)
      }
    }
  }

  @Test(arguments: StoreFactory.all)
  func eventsAreReadAsAppended(_ factory: StoreFactory) async throws {
    let time = SimulatedTime(wallMicroseconds: 40)
    let store = try await factory.open(time: time)
    let committed = try await store.commit {
      try $0.append(Fact(number: 1, text: "one"), Fact(number: 2), to: audit)
    }
    #expect(committed.value == Appended(versions: 1..<3, isRepeat: false))
    #expect(committed.value.first == 1 && committed.value.last == 2)
    try await store.read { snapshot throws in
      let events = try snapshot.events(in: audit)
      #expect(events.map(\.event) == [Fact(number: 1, text: "one"), Fact(number: 2)])
      #expect(events.map(\.version) == [1, 2])
      #expect(events.allSatisfy { $0.journal == "audit" && $0.time == Timestamp(microseconds: 40) })
      try #require(events.count == 2)
      #expect(events.first?.position == committed.position)
      #expect(events[0].position < events[1].position)
      #expect(try snapshot.events().map { try $0.decoded(as: Fact.self) } == events)
    }
  }

  @Test(arguments: StoreFactory.all)
  func twoAppendsInOneTransactionFollowEachOther(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    let other = Journal<Fact>("other")
    try await store.write { try $0.append(Fact(number: 1), to: audit) }
    try await store.write { transaction throws in
      #expect(try transaction.append(Fact(number: 2), to: audit).versions == 2..<3)
      #expect(try transaction.append(Fact(number: 1), to: other).versions == 1..<2)
      #expect(try transaction.append(Fact(number: 3), Fact(number: 4), to: audit).versions == 3..<5)
      #expect(try transaction.append(Fact(number: 5), to: audit, expecting: .exactly(4)).versions == 5..<6)
      #expect(throws: StoreError.conflict(journal: "audit", expected: .exactly(1), actual: 5)) {
        try transaction.append(Fact(number: 9), to: audit, expecting: .exactly(1))
      }
      // Counted, but not to be read before the commit.
      #expect(try transaction.version(of: audit) == 5)
      #expect(try transaction.events(in: audit).map(\.version) == [1])
      #expect(try transaction.events().map(\.version) == [1])
    }
    try await store.read { snapshot throws in
      #expect(try snapshot.events(in: audit).map(\.event.number) == [1, 2, 3, 4, 5])
      let places = try snapshot.events().map { "\($0.journal) \($0.version)" }
      #expect(places == ["audit 1", "audit 2", "other 1", "audit 3", "audit 4", "audit 5"])
    }
  }

  @Test(arguments: StoreFactory.all)
  func expectationsAreChecked(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    let cases: [(ExpectedVersion, allowedAt: Set<UInt64>)] = [
      (.any, [0, 1, 2]), (.none, [0]), (.exactly(0), [0]), (.exactly(1), [1]), (.exactly(2), [2]),
      (.exactly(3), []), (.exactly(.max), []),
    ]
    for actual in UInt64(0)...2 {
      for (expected, allowedAt) in cases {
        let journal = Journal<Fact>("\(actual) \(expected)")
        try await store.write { transaction throws in
          for number in 0..<actual { try transaction.append(Fact(number: Int(number)), to: journal) }
        }
        let isAllowed = allowedAt.contains(actual)
        do {
          try await store.write { try $0.append(Fact(number: 9), to: journal, expecting: expected) }
          #expect(isAllowed)
        } catch let error as StoreError {
          #expect(!isAllowed)
          #expect(error == .conflict(journal: journal.id, expected: expected, actual: actual))
        }
        try await store.read { snapshot throws in
          #expect(try snapshot.version(of: journal) == actual + (isAllowed ? 1 : 0))
        }
      }
    }
  }

  @Test(arguments: StoreFactory.all)
  func aOnceKeyAppendsOnce(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    try await store.write { try $0.append(Fact(number: 1), to: audit) }
    let first = try await store.write { transaction throws in
      let first = try transaction.append(
        Fact(number: 2), Fact(number: 3), to: audit, expecting: .exactly(1), once: "k")
      // Twice in one transaction, behind an append that came between.
      try transaction.append(Fact(number: 4), to: audit)
      let again = try transaction.append(Fact(number: 99), to: audit, expecting: .exactly(1), once: "k")
      #expect(again == Appended(versions: 2..<4, isRepeat: true))
      return first
    }
    #expect(first == Appended(versions: 2..<4, isRepeat: false))
    // A repeat asks nothing of the journal, and writes nothing.
    let repeated = try await store.commit {
      try $0.append(Fact(number: 98), to: audit, expecting: .exactly(1), once: "k")
    }
    #expect(repeated.value == Appended(versions: 2..<4, isRepeat: true))
    #expect(repeated.position == nil)
    // Another key, and the same key in another journal, are something else.
    try await store.write { transaction throws in
      #expect(try !transaction.append(Fact(number: 5), to: audit, once: "l").isRepeat)
      #expect(try !transaction.append(Fact(number: 1), to: Journal<Fact>("other"), once: "k").isRepeat)
    }
    try await store.read { snapshot throws in
      #expect(try snapshot.events(in: audit).map(\.event.number) == [1, 2, 3, 4, 5])
    }
  }

  @Test(arguments: StoreFactory.all)
  func aOnceKeyOfAnAppendThatFailedIsFree(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    await #expect(throws: Unencodable.Refusal.self) {
      try await store.write {
        try $0.append(Fact(number: 1), to: audit, once: "k")
        throw Unencodable.Refusal()
      }
    }
    try await store.write { transaction throws in
      #expect(throws: StoreError.self) {
        try transaction.append(Fact(number: 1), to: audit, expecting: .exactly(7), once: "k")
      }
      #expect(try transaction.append(Fact(number: 2), to: audit, once: "k").versions == 1..<2)
    }
  }

  @Test(arguments: StoreFactory.all)
  func appendingNothingChecksAndRemembers(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    let nothing = try await store.commit { try $0.append(contentsOf: [], to: audit, expecting: .none) }
    #expect(nothing.value.versions.isEmpty && nothing.value.first == nil && nothing.position == nil)
    await #expect(throws: StoreError.self) {
      try await store.write { try $0.append(contentsOf: [], to: audit, expecting: .exactly(1)) }
    }
    #expect(try await store.write { try $0.append(contentsOf: [], to: audit, once: "k") }.isRepeat == false)
    #expect(try await store.write { try $0.append(Fact(number: 1), to: audit, once: "k") }.isRepeat)
    try await store.read { snapshot throws in #expect(try snapshot.version(of: audit) == 0) }
  }

  @Test(arguments: StoreFactory.all)
  func everyPlaceInBothDirections(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    let other = Journal<Fact>("other")
    var random = SeededGenerator(seed: 7)
    for number in 1...40 {
      let journals = Int.random(in: 1...3, using: &random)
      try await store.write { transaction throws in
        if journals != 2 { try transaction.append(Fact(number: number), Fact(number: -number), to: audit) }
        if journals != 1 { try transaction.append(Fact(number: number), to: other) }
      }
    }
    try await store.read { snapshot throws in
      let all = try snapshot.events(in: audit)
      let whole = try snapshot.events()
      let last = try #require(whole.last).position.rawValue
      #expect(all.map(\.version) == Array(1...UInt64(all.count)))
      #expect(zip(whole, whole.dropFirst()).allSatisfy { $0.position < $1.position })
      for place in 0...(last + 2) {
        let position = CommitPosition(rawValue: place)
        let limit = place % 5 == 0 ? nil : Int(place % 5)
        func cut<Element>(_ elements: [Element]) -> [Element] { Array(elements.prefix(limit ?? .max)) }
        #expect(
          try snapshot.events(in: audit, from: .position(position), limit: limit)
            == cut(all.filter { $0.position >= position }))
        #expect(
          try snapshot.events(in: audit, from: .position(position), .descending, limit: limit)
            == cut(all.filter { $0.position <= position }.reversed()))
        #expect(
          try snapshot.events(in: audit, from: .version(place), limit: limit)
            == cut(all.filter { $0.version >= place }))
        #expect(
          try snapshot.events(in: audit, from: .version(place), .descending, limit: limit)
            == cut(all.filter { $0.version <= place }.reversed()))
        #expect(
          try snapshot.events(from: position, limit: limit) == cut(whole.filter { $0.position >= position }))
        #expect(
          try snapshot.events(from: position, .descending, limit: limit)
            == cut(whole.filter { $0.position <= position }.reversed()))
      }
      #expect(try snapshot.events(in: audit, from: .version(.max)).isEmpty)
      #expect(try snapshot.events(in: audit, from: .version(.max), .descending) == all.reversed())
      let farthest = CommitPosition(rawValue: .max)
      #expect(try snapshot.events(in: audit, from: .position(farthest)).isEmpty)
      #expect(try snapshot.events(in: audit, from: .position(farthest), .descending) == all.reversed())
      #expect(try snapshot.events(from: farthest, .descending) == whole.reversed())
      #expect(throws: StoreError.self) { try snapshot.events(in: audit, limit: -1) }
      #expect(throws: StoreError.self) { try snapshot.events(limit: -1) }
    }
  }

  @Test(arguments: StoreFactory.all)
  func anAppendThatFailsHalfwayLeavesNothing(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    let journal = Journal<Fickle>("fickle")
    try await store.write { transaction throws in
      let error = #expect(throws: StoreError.self) {
        try transaction.append(Fickle(true), Fickle(false), to: journal, once: "k")
      }
      guard case .encodingFailed(.event(journal: "fickle", version: 2), _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      try transaction.save(Progress(), to: progress)
    }
    try await store.read { snapshot throws in
      #expect(try snapshot.events().isEmpty)
      #expect(try snapshot.version(of: journal) == 0)
      #expect(try snapshot.load(progress) != nil)
    }
    #expect(try await store.write { try $0.append(Fickle(true), to: journal, once: "k") }.isRepeat == false)
    try await store.read { snapshot throws in
      let error = #expect(throws: StoreError.self) { try snapshot.events(in: Journal<Fact>("fickle")) }
      guard case .decodingFailed(.event(journal: "fickle", version: 1), _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  /// To `String` both spellings are one name; in the store they are two, and reads must not mix them up.
  @Test(arguments: StoreFactory.all)
  func namesAreComparedByTheirBytes(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    let composed = Journal<Fact>("caf\u{E9}")
    let decomposed = Journal<Fact>("cafe\u{301}")
    #expect(composed.id == decomposed.id && composed != decomposed)
    #expect(Timeline<Progress>("caf\u{E9}") != Timeline<Progress>("cafe\u{301}"))
    try await store.write { transaction throws in
      try transaction.append(Fact(number: 1), to: composed)
      try transaction.append(Fact(number: 2), to: decomposed)
      try transaction.append(Fact(number: 3), to: composed)
    }
    try await store.read { snapshot throws in
      #expect(try snapshot.events(in: composed).map(\.event.number) == [1, 3])
      #expect(try snapshot.events(in: decomposed).map(\.event.number) == [2])
      #expect(try snapshot.events().map { try $0.decoded(as: Fact.self).event.number } == [1, 2, 3])
    }
  }
}
