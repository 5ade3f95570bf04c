import Cairn
import CairnTesting
import Testing

/// A right agent passes, and each mistake is found.
@Suite struct SimulationTests {
  @Test(arguments: SimulationSeeds.first(1)) func theRightAgentPasses(seed: UInt64) async throws {
    let report = try await simulate(seed: seed, workload: Agents.right, check: Agents.check)
    print("simulation of the right agent, seed \(seed): \(report)")
    #expect(report.fraction == 1)
    #expect(report.cutPlaces == report.places)
    #expect(report.states > report.places)
    #expect(report.recoveries > 20)
    #expect(report.faults == SimulationOptions().faultLimit)
    #expect(report.checks == report.states + 1)
  }

  struct Mistake: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var workload: @Sendable (SimulatedWorld) async throws -> Void
    var check = Agents.check
    var reason: String
  }

  static let mistakes = [
    Mistake(
      testDescription: "two commits", workload: Agents.twoCommits,
      reason: #"the journal says ["did 1", "did 1","#),
    Mistake(
      testDescription: "tells too early", workload: Agents.tellsTooEarly, check: Agents.strictCheck,
      reason: #"told ["1", "1","#),
    Mistake(testDescription: "acts too late", workload: Agents.actsTooLate, reason: "1 was not charged"),
  ]

  /// Found as one crash of the process that loses nothing, at the earliest place, and found again by its line.
  @Test(arguments: mistakes) func aMistakeIsFound(_ mistake: Mistake) async throws {
    let failure = try #require(await failure(mistake.workload, mistake.check))
    #expect(failure.reason.contains(mistake.reason), "\(failure)")
    #expect(failure.mishaps.count == 1)
    guard case .crash(let at, .before, .kill, 0)? = failure.mishaps.first else {
      Issue.record("\(failure)")
      return
    }
    #expect(failure.description.contains("simulate(seed: 7, mishaps: [.crash(at: \(at), .before, .kill)])"))
    let alone = try #require(await self.failure(mistake.workload, mistake.check, failure.mishaps))
    #expect(alone.reason == failure.reason)
    #expect(alone.traces == failure.traces)
    #expect(alone.facts == failure.facts)
    // One operation earlier there is nothing wrong.
    let earlier = [Mishap.crash(at: at - 1, .before, .kill)]
    #expect(await self.failure(mistake.workload, mistake.check, earlier) == nil)
  }

  /// What was told and then lost is told again: under `kill` never, for the machine goes on.
  @Test func whatIsBufferedIsLostWithThePower() async throws {
    var options = SimulationOptions()
    options.faults = []
    options.models = [.kill]
    options.recoveryLimit = 0
    try await simulate(
      seed: 7, options: options, workload: Agents.isBuffered, check: Self.toldOnce)
    for model in [CrashModel.ordered, .strict] {
      options.models = [model]
      let failure = try #require(await failure(Agents.isBuffered, Self.toldOnce, options))
      #expect(failure.reason.contains("told"), "\(failure)")
      // A simpler model than the one that was asked for does not fail.
      #expect(failure.mishaps.map(\.modelForTest).contains(.kill) == false)
    }
  }

  /// A life begins behind the last checkpoint, so that a note which comes twice was told of what got lost.
  static let toldOnce: @Sendable (SimulatedWorld, SimulationFacts) async throws -> Void = { world, facts in
    try await Agents.check(world, facts)
    try world.expect(Set(facts.notes).count == facts.notes.count, "told \(facts.notes)")
  }

  @Test func aMistakeOfTheRecoveryTakesTwoCrashes() async throws {
    var options = SimulationOptions()
    options.faults = []
    options.models = [.kill]
    options.recoveryLimit = 0
    try await simulate(seed: 7, options: options, workload: Agents.recoversBadly, check: Agents.check)
    options.recoveryLimit = 200
    let failure = try #require(await failure(Agents.recoversBadly, Agents.check, options))
    #expect(failure.mishaps.count == 2, "\(failure)")
    #expect(failure.facts.lives == 3)
    #expect(failure.traces.count == 4)
    for index in failure.mishaps.indices {
      var fewer = failure.mishaps
      fewer.remove(at: index)
      #expect(await self.failure(Agents.recoversBadly, Agents.check, fewer) == nil)
    }
  }

  @Test func anIgnoredErrorIsFoundByAFailure() async throws {
    var options = SimulationOptions()
    options.placeLimit = 20
    options.recoveryLimit = 0
    options.faults = []
    try await simulate(seed: 7, options: options, workload: Agents.ignoresErrors, check: Agents.strictCheck)
    options.faults = [.inputOutput]
    options.faultLimit = 200
    let failure = try #require(await failure(Agents.ignoresErrors, Agents.strictCheck, options))
    guard case .fault? = failure.mishaps.first else {
      Issue.record("\(failure)")
      return
    }
    let alone = try #require(await self.failure(Agents.ignoresErrors, Agents.strictCheck, failure.mishaps))
    #expect(alone.description.hasPrefix(failure.reason))
    #expect(alone.traces == failure.traces)
  }

  /// The line of a case is the same in every process, and on every machine.
  @Test func theLineOfACaseIsKnown() async throws {
    try await simulate(seed: 7, workload: FileAgent.run(synchronizing: true), check: FileAgent.check)
    let failure = try #require(await failure(FileAgent.run(synchronizing: false), FileAgent.check))
    #expect(failure.reproduction == "simulate(seed: 7, mishaps: [.crash(at: 7, .before, .ordered, draw: 1)])")
    #expect(failure.reason == #"the check fails: the file says "\0xx""#)
    let alone = try #require(
      await self.failure(
        FileAgent.run(synchronizing: false), FileAgent.check, [.crash(at: 7, .before, .ordered, draw: 1)]))
    #expect(alone.traces == failure.traces)
  }

  @Test func oneSeedIsOneSimulation() async throws {
    var options = SimulationOptions()
    options.placeLimit = 12
    options.recoveryLimit = 6
    options.faultLimit = 6
    let reports = [
      try await simulate(seed: 3, options: options, workload: Agents.right, check: Agents.check),
      try await simulate(seed: 3, options: options, workload: Agents.right, check: Agents.check),
    ]
    #expect(reports[0] == reports[1])
    #expect(reports[0].cutPlaces == 12 && reports[0].fraction < 1)
    let first = try #require(await failure(Agents.isBuffered, Self.toldOnce))
    let second = try #require(await failure(Agents.isBuffered, Self.toldOnce))
    #expect(first.description == second.description)
    #expect(first.seed == 7)
  }

  private func failure(
    _ workload: @escaping @Sendable (SimulatedWorld) async throws -> Void,
    _ check: @escaping @Sendable (SimulatedWorld, SimulationFacts) async throws -> Void,
    _ mishaps: [Mishap]
  ) async -> SimulationFailure? {
    await simulationFailure {
      try await simulate(seed: 7, mishaps: mishaps, workload: workload, check: check)
    }
  }

  private func failure(
    _ workload: @escaping @Sendable (SimulatedWorld) async throws -> Void,
    _ check: @escaping @Sendable (SimulatedWorld, SimulationFacts) async throws -> Void,
    _ options: SimulationOptions = SimulationOptions()
  ) async -> SimulationFailure? {
    await simulationFailure {
      try await simulate(seed: 7, options: options, workload: workload, check: check)
    }
  }
}

/// What a simulation fails with, if it does.
func simulationFailure(_ body: () async throws -> SimulationReport) async -> SimulationFailure? {
  do {
    _ = try await body()
    return nil
  } catch {
    if let failure = error as? SimulationFailure { return failure }
    Issue.record("\(error)")
    return nil
  }
}

extension Mishap {
  /// What the disk may lose.
  var modelForTest: CrashModel {
    switch self {
    case .crash(_, _, let model, _): model
    case .fault(_, _, _, _, let model): model
    }
  }
}
