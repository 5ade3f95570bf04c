import CairnEngine
import CairnKV
import Foundation
import Synchronization
import Testing

@testable import CairnCommand

/// Sessions on a real store, in this process.
@Suite struct MixedSessionTests {
  private let folder: TemporaryFolder
  private var plan: MixedSession.Plan {
    MixedSession.Plan(folder: folder.path, seed: 21, lanes: 2, liveBytes: 2 << 20, memoryLimit: 16 << 20)
  }

  init() throws { folder = try TemporaryFolder() }

  /// Runs a session, and gives the lines it printed.
  private func session(legs: [Int], number: Int = 1) throws -> [SessionLine] {
    let lines = Mutex<[SessionLine]>([])
    try MixedSession(
      plan: plan, legMilliseconds: legs, quietMilliseconds: legs.isEmpty ? 0 : 1, keepers: 1, number: number,
      report: { line in lines.withLock { $0.append(line) } }
    ).run()
    return lines.withLock { $0 }
  }

  private func commits(_ lines: [SessionLine]) -> [UInt64]? {
    lines.compactMap { if case .verified(let commits) = $0 { commits } else { nil } }.first
  }

  @Test func oneSessionGoesOnWhereTheOtherEnded() throws {
    defer { folder.remove() }
    let first = try session(legs: [200, 100])
    #expect(commits(first) == [0, 0])
    #expect(first.last == .closed)
    #expect(first.count { if case .opened = $0 { true } else { false } } == 2)
    #expect(first.contains { if case .quiet = $0 { true } else { false } })
    let acknowledgements = try Acknowledgements(path: plan.acknowledgements, lanes: 2)
    let acknowledged = try acknowledgements.read()
    #expect(commits(try session(legs: [100], number: 2)) == acknowledged)
    #expect(commits(try session(legs: [])) == (try acknowledgements.read()))
    #expect(DiskUsage(of: plan.store).strays == [])
  }

  /// The store has lost a commit that was acknowledged, or has two that were not.
  @Test(arguments: [1, -2])
  func anotherNumberOfCommitsIsAViolation(surplus: Int) throws {
    defer { folder.remove() }
    try fill()
    let acknowledgements = try Acknowledgements(path: plan.acknowledgements, lanes: 2)
    try acknowledgements.acknowledge(UInt64(20 + surplus), lane: 1)
    #expect(throws: SoakViolation.self) { try session(legs: []) }
  }

  @Test func oneCommitThatWasNotAcknowledgedMayBeThere() throws {
    defer { folder.remove() }
    try fill()
    let acknowledgements = try Acknowledgements(path: plan.acknowledgements, lanes: 2)
    try acknowledgements.acknowledge(19, lane: 0)
    #expect(commits(try session(legs: [])) == [20, 20])
    #expect(try acknowledgements.read() == [20, 20])
  }

  @Test func aChangedStoreIsAViolation() throws {
    defer { folder.remove() }
    try fill()
    let engine: Engine = try Engine.open(at: plan.store, options: plan.options)
    let lane = plan.soakLanes[1]
    let slot = try #require(try engine.read { try $0.last(in: lane.range) })
    try engine.write { try $0.set(slot.key, to: slot.value.dropLast() + [(slot.value.last ?? 0) ^ 1]) }
    try engine.close()
    #expect(throws: SoakViolation.self) { try session(legs: []) }
  }

  /// Twenty commits of each lane, all acknowledged.
  private func fill() throws {
    let engine: Engine = try Engine.open(at: plan.store, options: plan.options)
    let acknowledgements = try Acknowledgements(path: plan.acknowledgements, lanes: 2)
    for lane in plan.soakLanes {
      var model = SoakModel(lane)
      while model.number < 20 {
        let commit = SoakCommit(model.number + 1, of: lane)
        _ = try engine.transact(.buffered) { try LaneWriter.perform(commit, in: $0, model) }
        model.apply(commit)
      }
      try acknowledgements.acknowledge(20, lane: lane.number)
    }
    try engine.close()
  }

  @Test func whatOneThreadThrowsEndsTheOthers() {
    struct Broken: Error {}
    #expect(throws: Broken.self) {
      try SessionControl.run(
        [
          { control in while !control.isStopped { control.pause(milliseconds: 1) } },
          { _ in throw Broken() },
        ], every: {})
    }
  }
}
