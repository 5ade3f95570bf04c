import Cairn
import CairnTesting
import Testing

@Suite struct TimelineTests {
  @Test(arguments: StoreFactory.all)
  func aTimelineWithoutCheckpointsIsEmpty(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    try await store.read { snapshot throws in
      #expect(try snapshot.load(progress) == nil)
      #expect(try snapshot.load(progress, at: CheckpointID(rawValue: 1)) == nil)
      #expect(try snapshot.load(progress, at: CheckpointID(rawValue: 0)) == nil)
      #expect(try snapshot.load(progress, at: CheckpointID(rawValue: .max)) == nil)
      #expect(try snapshot.history(of: progress).isEmpty)
      #expect(try snapshot.checkpoints(of: progress).isEmpty)
    }
  }

  @Test(arguments: StoreFactory.all)
  func whatWasSavedIsLoaded(_ factory: StoreFactory) async throws {
    let time = SimulatedTime(wallMicroseconds: -5)
    let store = try await factory.open(time: time)
    let first = try await store.write { try $0.save(Progress(done: [1]), to: progress) }
    time.advance(byMicroseconds: 10)
    let second = try await store.write {
      try $0.save(
        Progress(done: [1, 2], note: "é\u{0}"), to: progress, tags: ["cursor": "2", "": "", "long key": "x"],
        metadata: ["reviewer": 7])
    }
    #expect([first.rawValue, second.rawValue] == [1, 2])

    try await store.read { snapshot throws in
      let latest = try #require(try snapshot.load(progress))
      #expect(latest.state == Progress(done: [1, 2], note: "é\u{0}"))
      #expect(latest.id == second && latest.parent == first && latest.step == 1)
      #expect(latest.time == Timestamp(microseconds: 5))
      #expect(latest.tags == ["cursor": "2", "": "", "long key": "x"])
      #expect(try latest.info.metadata(as: [String: Int].self) == ["reviewer": 7])

      let earliest = try #require(try snapshot.load(progress, at: first))
      #expect(earliest.state == Progress(done: [1]))
      #expect(earliest.parent == nil && earliest.step == 0 && earliest.tags.isEmpty)
      #expect(earliest.time == Timestamp(microseconds: -5))
      #expect(!earliest.info.hasMetadata)
      #expect(try earliest.info.metadata(as: [String: Int].self) == nil)
    }
  }

  @Test(arguments: StoreFactory.all)
  func aParentAndAStepCanBeGiven(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    try await store.write { transaction throws in
      let root = try transaction.save(Progress(), to: progress, step: -3)
      let left = try transaction.save(Progress(), to: progress)
      let right = try transaction.save(Progress(), to: progress, after: root)
      let far = try transaction.save(Progress(), to: progress, after: left, step: .max)
      let steps = try transaction.history(of: progress).map(\.step)
      #expect(steps == [.max, -2, -2, -3])
      #expect(try transaction.load(progress, at: right)?.parent == root)
      #expect(try transaction.load(progress, at: far)?.parent == left)
      #expect(throws: StoreError.self) { try transaction.save(Progress(), to: progress) }
      #expect(try transaction.save(Progress(), to: progress, step: 0).rawValue == 5)
    }
  }

  @Test(arguments: StoreFactory.all, [0, 2, UInt64.max])
  func savingAfterAParentThatIsNotThereIsAnError(_ factory: StoreFactory, parent: UInt64) async throws {
    let store = try await factory.open()
    try await store.write { try $0.save(Progress(), to: progress) }
    let parent = CheckpointID(rawValue: parent)
    await #expect(throws: StoreError.notFound(.checkpoint(timeline: "batch-7", parent))) {
      try await store.write { try $0.save(Progress(), to: progress, after: parent) }
    }
    try await store.read { snapshot throws in #expect(try snapshot.history(of: progress).count == 1) }
  }

  @Test(arguments: StoreFactory.all)
  func historyPagesBackwards(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    try await store.write { transaction throws in
      for number in 1...300 { try transaction.save(Progress(done: [number]), to: progress) }
      // Neighbours in key order, which must not be taken for the same timeline.
      try transaction.save(Progress(note: "other"), to: Timeline<Progress>("batch-7\u{0}"))
      try transaction.save(Progress(note: "other"), to: Timeline<Progress>("batch-"))
    }
    try await store.read { snapshot throws in
      var seen: [UInt64] = []
      var before: CheckpointID?
      for _ in 0...300 {
        let page = try snapshot.history(of: progress, before: before, limit: 7)
        if page.isEmpty { break }
        #expect(page.count == 7 || seen.count + page.count == 300)
        seen += page.map(\.id.rawValue)
        before = page.last?.id
      }
      #expect(seen == (1...300).reversed())
      #expect(try snapshot.history(of: progress, limit: 0).isEmpty)
      #expect(throws: StoreError.self) { try snapshot.history(of: progress, limit: -1) }
      #expect(try snapshot.history(of: progress, before: CheckpointID(rawValue: .max)).count == 300)
      #expect(try snapshot.history(of: progress, before: CheckpointID(rawValue: 0)).isEmpty)
      let states = try snapshot.checkpoints(of: progress, before: CheckpointID(rawValue: 10), limit: 3)
      #expect(states.map(\.state.done) == [[9], [8], [7]])
      #expect(
        states.map(\.info)
          == (try snapshot.history(of: progress, before: CheckpointID(rawValue: 10), limit: 3)))
    }
  }

  @Test(arguments: StoreFactory.all)
  func historyReadsNoStates(_ factory: StoreFactory) async throws {
    let keyValueStore = try await factory.make()
    let store = try await Store(over: keyValueStore, time: SimulatedTime())
    try await store.write { try $0.save(Progress(note: "secret"), to: progress) }
    // Without its state a checkpoint is damaged, and history does not notice.
    let stateKey = Tuple(1, "batch-7", 2, 1).encoded()
    _ = try await keyValueStore.transact(.durable) { try $0.remove(stateKey) }
    try await store.read { snapshot throws in
      #expect(try snapshot.history(of: progress).count == 1)
      let error = #expect(throws: StoreError.self) { try snapshot.load(progress) }
      guard case .damagedRecord(stateKey, _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test(arguments: StoreFactory.all)
  func codingFailuresNameTheRecord(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    let one = CheckpointID(rawValue: 1)
    let bad = Timeline<Unencodable>("bad")
    try await store.write { transaction throws in
      let encoding = #expect(throws: StoreError.self) { try transaction.save(Unencodable(), to: bad) }
      guard case .encodingFailed(.checkpoint(timeline: "bad", one), _) = encoding else {
        Issue.record("\(String(describing: encoding))")
        return
      }
      let metadata = #expect(throws: StoreError.self) {
        try transaction.save(Progress(), to: progress, metadata: Unencodable())
      }
      guard case .encodingFailed(.metadata(timeline: "batch-7", one), _) = metadata else {
        Issue.record("\(String(describing: metadata))")
        return
      }
      // A failed save changed nothing: the transaction goes on.
      #expect(try transaction.load(progress) == nil)
      #expect(try transaction.save(Progress(), to: progress) == one)
    }
    try await store.read { snapshot throws in
      let error = #expect(throws: StoreError.self) { try snapshot.load(Timeline<[Int]>("batch-7")) }
      guard case .decodingFailed(.checkpoint(timeline: "batch-7", one), _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test(arguments: StoreFactory.all)
  func concurrentSavesToOneTimelineFormOneLine(_ factory: StoreFactory) async throws {
    let store = try await factory.open()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<16 {
        group.addTask {
          for round in 0..<10 {
            try await store.write { transaction throws in
              let before = try transaction.load(progress)?.state.done ?? []
              try transaction.save(Progress(done: before + [task * 100 + round]), to: progress)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    try await store.read { snapshot throws in
      let checkpoints = try snapshot.checkpoints(of: progress)
      #expect(checkpoints.map(\.id.rawValue) == (1...160).reversed())
      for (later, earlier) in zip(checkpoints, checkpoints.dropFirst()) {
        #expect(later.parent == earlier.id && later.step == earlier.step + 1)
        #expect(Array(later.state.done.dropLast()) == earlier.state.done)
      }
      #expect(Set(checkpoints.first?.state.done ?? []).count == 160)
    }
  }
}
