import CairnKV
import CairnTesting
import Testing

@testable import CairnCommand

@Suite struct SoakCheckTests {
  /// Something wrong that a store might do.
  enum Planted: String, CaseIterable {
    case lostCommit, wrongByte, shortenedValue, missingKey, resurrectedKey, staleValue, strayKey
    case missingJournalEntry, swappedJournalEntries, wrongCounter
  }

  @Test(arguments: 1...2 as ClosedRange<UInt64>)
  func whatWasWrittenIsFound(seed: UInt64) async throws {
    let (store, model) = try await SoakStore.filled(commits: 600, seed: seed)
    let check = SoakCheck(model)
    try await store.read { reader in
      #expect(try SoakCheck.commits(of: model.lane, in: reader) == 600)
      try check.check(reader)
      try check.check(reader, .descending)
      try SoakCheck.checkNothing(beyond: [model.lane], in: reader)
      for slot in 0..<model.lane.slots {
        try check.check(slot: slot, in: reader)
        try check.checkEnds(of: slot..<model.lane.slots, in: reader)
        try check.check(slot..<min(slot + 9, model.lane.slots), .ascending, limit: 5, in: reader)
        try check.check(slot..<min(slot + 9, model.lane.slots), .descending, limit: 5, in: reader)
      }
    }
  }

  @Test func anEmptyStoreIsTheModelOfNoCommits() async throws {
    let model = SoakModel(SoakLane(number: 0, seed: 1, liveBytes: 1))
    try await InMemoryStore().read { reader in
      #expect(try SoakCheck.commits(of: model.lane, in: reader) == 0)
      try SoakCheck(model).check(reader)
    }
  }

  @Test(arguments: Planted.allCases, [ScanDirection.ascending, .descending])
  func whatIsWrongIsFound(planted: Planted, direction: ScanDirection) async throws {
    let (store, written) = try await SoakStore.filled(commits: 400, seed: 6)
    let model = try await plant(planted, in: store, written)
    await #expect(throws: SoakViolation.self) {
      try await store.read { reader in
        try SoakCheck(model).check(reader, direction)
        try SoakCheck.checkNothing(beyond: [model.lane], in: reader)
      }
    }
  }

  @Test(arguments: [
    Planted.wrongByte, .shortenedValue, .missingKey, .resurrectedKey, .staleValue, .lostCommit,
  ])
  func readsOfOneSlotFindWhatIsWrongWithIt(planted: Planted) async throws {
    let (store, written) = try await SoakStore.filled(commits: 400, seed: 9)
    let model = try await plant(planted, in: store, written)
    let slots = 0..<model.lane.slots
    let reads: [(any KeyValueReader) throws -> Void] = [
      { reader in for slot in slots { try SoakCheck(model).check(slot: slot, in: reader) } },
      { reader in for slot in slots { try SoakCheck(model).checkEnds(of: slot..<slot + 1, in: reader) } },
      { reader in
        for slot in slots {
          try SoakCheck(model).check(slot..<slot + 1, .descending, limit: 2, in: reader)
        }
      },
    ]
    for read in reads {
      await #expect(throws: SoakViolation.self) { try await store.read { try read($0) } }
    }
  }

  @Test func aTransactionThatSeesSomethingElseIsFound() async throws {
    var (store, model) = try await SoakStore.filled(commits: 400, seed: 3)
    while !SoakCommit(model.number + 1, of: model.lane).operations.contains(.trimJournal) {
      model = try await SoakStore.next(model, in: store)
    }
    let lane = model.lane
    try await change(store) { try $0.remove(lane.journal.range) }
    await #expect(throws: SoakViolation.self) { try await SoakStore.next(model, in: store) }
    try await change(store) { try $0.remove(lane.counterKey) }
    await #expect(throws: SoakViolation.self) { try await SoakStore.next(model, in: store) }
  }

  /// - Returns: the model of what should be there.
  private func plant(
    _ planted: Planted, in store: InMemoryStore, _ model: SoakModel
  ) async throws -> SoakModel {
    let lane = model.lane
    let stamps = model.stamps
    let taken = try #require(stamps.indices.first { stamps[$0] != 0 })
    let empty = try #require(stamps.indices.first { stamps[$0] == 0 })
    let value = lane.value(of: taken, stamp: stamps[taken]).bytes
    let journal = try await store.read { try $0.entries(in: lane.journal.range) }
    switch planted {
    case .lostCommit: return try await loseCommit(in: store, model)
    case .wrongByte:
      let wrong = value.dropLast() + [(value.last ?? 0) ^ 1]
      try await change(store) { try $0.set(lane.key(of: taken), to: Array(wrong)) }
    case .shortenedValue:
      try await change(store) { try $0.set(lane.key(of: taken), to: Array(value.dropLast())) }
    case .missingKey: try await change(store) { try $0.remove(lane.key(of: taken)) }
    case .resurrectedKey:
      let old = lane.value(of: empty, stamp: 5 << 8).bytes
      try await change(store) { try $0.set(lane.key(of: empty), to: old) }
    case .staleValue:
      let old = lane.value(of: taken, stamp: 1 << 8).bytes
      try await change(store) { try $0.set(lane.key(of: taken), to: old) }
    case .strayKey: try await change(store) { try $0.set(lane.range.upper ?? [], to: [1]) }
    case .missingJournalEntry:
      let entry = try #require(journal.first)
      try await change(store) { try $0.remove(entry.key) }
    case .swappedJournalEntries:
      try #require(journal.count > 1)
      try await change(store) {
        try $0.set(journal[0].key, to: journal[1].value)
        try $0.set(journal[1].key, to: journal[0].value)
      }
    case .wrongCounter:
      let wrong = SoakCheck.counterValue(model.number - 1)
      try await change(store) { try $0.set(lane.counterKey, to: wrong) }
    }
    return model
  }

  /// Goes on to a commit of which the store has the counter only.
  private func loseCommit(in store: InMemoryStore, _ model: SoakModel) async throws -> SoakModel {
    var model = model
    while true {
      var lost = model
      lost.advance(to: model.number + 1)
      if lost.stamps != model.stamps {
        let counter = SoakCheck.counterValue(lost.number)
        try await change(store) { try $0.set(lost.lane.counterKey, to: counter) }
        return lost
      }
      model = try await SoakStore.next(model, in: store)
    }
  }

  private func change(
    _ store: InMemoryStore, _ body: (any KeyValueTransaction) throws -> Void
  ) async throws {
    _ = try await store.transact(.durable, body)
  }
}
