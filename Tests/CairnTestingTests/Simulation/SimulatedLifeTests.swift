import Cairn
import CairnEngine
import CairnKV
import CairnTesting
import Synchronization
import Testing

/// What holds in each life of a workload, and what ends it.
@Suite struct SimulatedLifeTests {
  private static let anything: @Sendable (SimulatedWorld, SimulationFacts) async throws -> Void = { _, _ in }

  private static var few: SimulationOptions {
    var options = SimulationOptions()
    options.placeLimit = 10
    options.recoveryLimit = 2
    options.faultLimit = 2
    options.operationLimit = 60
    return options
  }

  private func failure(
    _ options: SimulationOptions = few, _ mishaps: [Mishap]? = nil,
    _ workload: @escaping @Sendable (SimulatedWorld) async throws -> Void
  ) async -> SimulationFailure? {
    await simulationFailure {
      try await simulate(
        seed: 7, options: options, mishaps: mishaps, workload: workload, check: Self.anything)
    }
  }

  @Test func aWorkloadThatGoesOnIsAFailure() async {
    let failure = await failure { world in
      while !Task.isCancelled { try world.note("again") }
    }
    #expect(failure?.reason == "life 1 of the workload goes on after 60 operations")
    #expect(failure?.mishaps == [])
    #expect(failure?.traces.first?.count == SimulationOptions().traceLimit)
  }

  @Test func aRecoveryThatGoesOnIsAFailure() async {
    let failure = await failure { world in
      repeat { try world.note("again") } while world.life > 1
    }
    #expect(failure?.reason == "life 2 of the workload goes on after 60 operations")
    #expect(failure?.mishaps == [.crash(at: 1, .before, .kill)])
  }

  /// On a disk that fails for good, whoever tries again for ever is killed, and goes on where nothing fails.
  @Test func whoTriesAgainIsKilled() async throws {
    try await simulate(
      seed: 7, options: Self.few, mishaps: [.fault(.create, occurrence: 1, isSticky: true, .noSpace)]
    ) { world in
      while !Task.isCancelled {
        do {
          _ = try world.fileSystem.openFile("/file", .create)
          break
        } catch {
          try world.advance(byMilliseconds: 1_000)
        }
      }
      try world.note("made in life \(world.life)")
    } check: { world, facts in
      try world.expect(facts.notes == ["made in life 2"], "\(facts.notes)")
    }
  }

  @Test func aWorkloadThatThrowsIsAFailure() async {
    struct Defect: Error {}
    let first = await failure { world in
      try world.note("one")
      throw Defect()
    }
    #expect(first?.reason == "life 1 of the workload fails: Defect()")
    #expect(first?.cause is Defect)
    let second = await failure { world in
      try world.note("one")
      if world.life == 2 { throw Defect() }
    }
    #expect(second?.reason == "life 2 of the workload fails: Defect()")
    #expect(second?.mishaps == [.crash(at: 1, .before, .kill)])
  }

  @Test func aWorkloadThatDoesNothingHereIsAFailure() async {
    let failure = await failure { _ in }
    #expect(failure?.reason.contains("makes no operation in its world") == true)
  }

  @Test func aFailingCheckIsAFailure() async {
    let failure = await simulationFailure {
      try await simulate(seed: 7) { world in
        try world.note("one")
      } check: { world, facts in
        try world.expect(facts.notes.isEmpty, "told \(facts.notes)")
      }
    }
    #expect(failure?.reason == #"the check fails: told ["one"]"#)
    #expect(failure?.mishaps == [])
    #expect(failure?.cause as? FailedExpectation == FailedExpectation(message: #"told ["one"]"#))
  }

  /// What a workload does after the machine has stopped has not happened, and what it returns is nothing.
  @Test func theDeadDoNothing() async throws {
    var options = Self.few
    options.faults = []
    let report = try await simulate(seed: 7, options: options) { world in
      _ = try? world.effect("one")
      try? world.note("one")
      _ = try? world.effect("two")
    } check: { world, facts in
      // Whoever tells of the first has had it; and in the last life all happen.
      for life in 1...facts.lives {
        let texts = facts.all.filter { $0.life == life }
        try world.expect(texts.count == 3 || life < facts.lives, "life \(life): \(texts)")
        try world.expect(texts.first.map { $0.kind == .effect && $0.text == "one" } ?? true, "\(texts)")
      }
    }
    #expect(report.operations == 3)
    #expect(report.places == 4)
    #expect(report.cutPlaces == 4)
  }

  /// Child tasks that wait for what never comes end with the machine.
  @Test(.timeLimit(.minutes(1))) func aMachineThatStopsCancelsItsTasks() async throws {
    let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
    try await simulate(seed: 7, options: Self.few, mishaps: [.crash(at: 1, .before, .kill)]) { world in
      if world.life == 2 { return }
      await withTaskGroup(of: Void.self) { group in
        group.addTask { for await _ in stream {} }
        group.addTask { try? world.note("one") }
      }
    } check: { world, facts in
      try world.expect(facts.lives == 2 && facts.notes.isEmpty, "\(facts)")
    }
    continuation.finish()
  }

  @Test func theSameIsDoneByTasksThatRunTogether() async throws {
    let journal = Journal<Int>("numbers")
    var options = SimulationOptions()
    options.recoveryLimit = 5
    options.faultLimit = 5
    let report = try await simulate(seed: 7, options: options) { world in
      let store = try await world.open()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<4 {
          group.addTask {
            try await store.write { _ = try $0.append(number, to: journal, once: "\(number)") }
            await Task.yield()
            try world.note("\(number)")
          }
        }
        try await group.waitForAll()
      }
    } check: { world, facts in
      let numbers = try await world.open().read { try $0.events(in: journal).map(\.event) }
      try world.expect(numbers.sorted() == [0, 1, 2, 3], "\(numbers)")
    }
    #expect(report.fraction == 1)
  }

  @Test func aWorkloadThatIsNotTheSameTwiceIsAFailure() async {
    let counter = Atomic<Int>(0)
    let byName = await failure { world in
      try world.note("\(counter.add(1, ordering: .relaxed).newValue)")
    }
    #expect(byName?.reason.hasPrefix("the workload does not do the same twice: operation 1 is") == true)
    let byCount = await failure { world in
      for _ in 0..<counter.add(1, ordering: .relaxed).newValue { try world.note("one") }
    }
    #expect(byCount?.reason.contains("operations at first, and") == true)
    let byContent = await failure { world in
      let file = try world.fileSystem.openFile("/file-\(world.life)", .create)
      let byte = UInt8(truncatingIfNeeded: counter.add(1, ordering: .relaxed).newValue)
      try [byte].withUnsafeBytes { try file.write($0, at: 0) }
    }
    #expect(byContent?.reason.hasSuffix("what it writes differs") == true)
  }

  @Test func clocksGoOn() async throws {
    let start = SimulatedTime().wallMicroseconds()
    for model in CrashModel.allCases {
      try await simulate(seed: 7, mishaps: [.crash(at: 2, .before, model)]) { world in
        let restarts = Int64(world.life - 1)
        try world.expect(
          world.time.wallMicroseconds() == start + restarts * 6_000_000, "\(world.time.wallMicroseconds())")
        let isBooted = world.life == 1 || model != .kill
        try world.expect(
          world.time.monotonicNanoseconds() == (isBooted ? 1_000_000_000 : 7_000_000_000),
          "\(world.time.monotonicNanoseconds())")
        try world.advance(byMilliseconds: 5_000)
        try world.note("\(world.time.wallMicroseconds())")
      } check: { world, facts in
        try world.expect(facts.lives == 2, "\(facts)")
      }
    }
  }

  /// Two lives draw different numbers, and two runs of one the same.
  @Test func randomnessIsTheSeeds() async throws {
    for _ in 0..<2 {
      try await simulate(seed: 7, mishaps: [.crash(at: 1, .after, .kill)]) { world in
        try world.note("\(world.random.next())")
      } check: { world, facts in
        try world.expect(facts.notes == ["4918744596714539366", "16541149250456400526"], "\(facts.notes)")
      }
    }
  }

  /// A store that a dead process had open is not locked, and a file that it had not synchronized can still be lost.
  @Test func aDeadProcessLeavesThePageCache() async throws {
    let found = Mutex<Set<[String]>>([])
    for draw in 0..<8 {
      let mishaps: [Mishap] = [
        .crash(at: 3, .before, .kill), .crash(at: 3, .after, .strict, draw: draw),
      ]
      try await simulate(seed: 7, mishaps: mishaps) { world in
        let lock = try world.fileSystem.lock("/lock")
        if world.life == 1 {
          _ = try world.fileSystem.openFile("/file", .create)
        } else {
          try world.note("\(try world.fileSystem.information(at: "/file") != nil)")
        }
        try world.note("life \(world.life)")
        lock.release()
      } check: { world, facts in
        found.withLock { _ = $0.insert(facts.notes) }
      }
    }
    #expect(found.withLock { $0 } == [["true", "true", "life 3"], ["true", "false", "life 3"]])
  }

  /// A power cut for a model that loses nothing is not a way to lose something.
  @Test func mishapsThatAreNotMetDoNothing() async throws {
    let report = try await simulate(
      seed: 7, mishaps: [.crash(at: 50, .before, .kill), .fault(.rename, occurrence: 9)]
    ) { world in
      try world.note("one")
    } check: { world, facts in
      try world.expect(facts.lives == 1 && facts.notes == ["one"], "\(facts)")
    }
    #expect(report.operations == 1)
  }

  @Test func aFailedEffectMayHaveHappened() async throws {
    let counts = Mutex<Set<Int>>([])
    for seed in 0..<16 as Range<UInt64> {
      try await simulate(seed: seed, mishaps: [.fault(.effect, occurrence: 1)]) { world in
        try world.effect("one")
      } check: { world, facts in
        try world.expect(facts.lives == 2, "\(facts)")
        counts.withLock { _ = $0.insert(facts.count(of: "one")) }
      }
    }
    #expect(counts.withLock { $0 } == [1, 2])
  }
}
