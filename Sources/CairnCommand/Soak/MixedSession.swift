import CairnEngine
import CairnKV
import Foundation

/// One process's part of the mixed soak: opens the store as its predecessor left it, checks every byte of it
/// against the models, writes and reads for a while, and closes it, unless it's killed before.
struct MixedSession {
  /// Where the work is and what it is: the same for all processes of a soak.
  struct Plan: Equatable {
    var folder: String
    var seed: UInt64
    var lanes: Int
    var liveBytes: Int
    var memoryLimit: Int

    var store: String { folder + "/store" }
    var acknowledgements: String { folder + "/acknowledged" }

    var soakLanes: [SoakLane] {
      (0..<lanes).map { SoakLane(number: $0, seed: seed, liveBytes: liveBytes / lanes) }
    }

    var options: EngineOptions {
      var options = EngineOptions()
      options.memoryLimit = memoryLimit
      return options
    }
  }

  let plan: Plan
  /// How long to write after each opening; the store is closed and opened again between two.
  let legMilliseconds: [Int]
  /// How long to wait, without a call, before the store is closed.
  let quietMilliseconds: Int
  /// How many threads keep and check snapshots.
  let keepers: Int
  /// What tells the session's own choices from those of others.
  let number: Int
  let report: @Sendable (SessionLine) -> Void

  func run() throws {
    let acknowledgements = try Acknowledgements(path: plan.acknowledgements, lanes: plan.lanes)
    var engine = try open()
    var pacing = PacingTotals()
    do {
      var models = try recovered(in: engine, acknowledged: acknowledgements.read())
      for model in models { try acknowledgements.acknowledge(model.number, lane: model.lane.number) }
      report(.verified(commits: models.map(\.number)))
      for (index, milliseconds) in legMilliseconds.enumerated() {
        if index > 0 {
          try engine.close()
          pacing = pacing + PacingTotals(engine.statistics())
          engine = try open()
          try check(models, in: engine)
        }
        models = try write(
          on: engine, models, acknowledgements, leg: index, milliseconds: milliseconds, earlier: pacing)
      }
      if quietMilliseconds > 0 { watchDisk() }
    } catch {
      // What went wrong is told, not what closing a store in that state says.
      try? engine.close()
      throw error
    }
    try engine.close()
    let statistics = engine.statistics()
    report(.alive(pacing + PacingTotals(statistics)))
    report(.unaccounted(DiskUsage(of: plan.store).unaccounted(by: statistics.space)))
    report(.closed)
  }

  private func open() throws -> Engine {
    let start = DispatchTime.now().uptimeNanoseconds
    let engine: Engine = try Engine.open(at: plan.store, options: plan.options)
    report(.opened(microseconds: Int((DispatchTime.now().uptimeNanoseconds &- start) / 1000)))
    return engine
  }

  /// The models of what the store holds: all that was acknowledged, at most the one commit more that each
  /// lane had under way, and nothing else.
  private func recovered(in engine: Engine, acknowledged: [UInt64]) throws -> [SoakModel] {
    let snapshot = try engine.snapshot()
    var models: [SoakModel] = []
    for lane in plan.soakLanes {
      var model = SoakModel(lane)
      let found = try SoakCheck.commits(of: lane, in: snapshot)
      let last = acknowledged[lane.number]
      guard found == last || found == last + 1 else {
        model.advance(to: last)
        throw SoakCheck(model).fail("the store has \(found) commits, \(last) were acknowledged")
      }
      model.advance(to: found)
      try SoakCheck(model).check(snapshot)
      models.append(model)
    }
    try SoakCheck.checkNothing(beyond: models.map(\.lane), in: snapshot)
    return models
  }

  /// After a clean end exactly what was written is there; only a part is looked at.
  private func check(_ models: [SoakModel], in engine: Engine) throws {
    try engine.read { reader in
      for model in models {
        guard try SoakCheck.commits(of: model.lane, in: reader) == model.number else {
          throw SoakCheck(model).fail("the counter is another one after closing and opening again")
        }
        for run in 0..<min(model.lane.runs, 4) {
          let start = run * SoakLane.runSlots
          try SoakCheck(model).checkEnds(of: start..<(start + SoakLane.runSlots), in: reader)
        }
      }
    }
  }

  private func write(
    on engine: Engine, _ models: [SoakModel], _ acknowledgements: Acknowledgements, leg: Int,
    milliseconds: Int, earlier: PacingTotals
  ) throws -> [SoakModel] {
    let writers = models.map { LaneWriter($0, acknowledgements: acknowledgements) }
    var work: [@Sendable (SessionControl) throws -> Void] = writers.map { writer in
      { control in try writer.run(on: engine, until: control) }
    }
    for keeper in 0..<keepers {
      let seed = SoakValue.mix(plan.seed ^ SoakValue.mix(UInt64(number << 16 | leg << 8 | keeper)))
      work.append { control in
        var keeper = SnapshotKeeper(models, seed: seed, report: report)
        try keeper.run(on: engine, until: control)
      }
    }
    try SessionControl.run(milliseconds: milliseconds, work) {
      report(.alive(earlier + PacingTotals(engine.statistics())))
    }
    return writers.map(\.current)
  }

  /// Leaves the store alone, and tells what it takes on disk from second to second.
  private func watchDisk() {
    let start = DispatchTime.now().uptimeNanoseconds
    while true {
      let elapsed = Int((DispatchTime.now().uptimeNanoseconds &- start) / 1_000_000)
      let usage = DiskUsage(of: plan.store)
      report(.quiet(milliseconds: elapsed, bytes: usage.bytes, logBytes: usage.logBytes))
      if elapsed >= quietMilliseconds { return }
      usleep(UInt32(min(1000, quietMilliseconds - elapsed)) * 1000)
    }
  }
}

extension SoakCheck {
  /// That there is no key outside the lanes.
  static func checkNothing(beyond lanes: [SoakLane], in reader: any KeyValueReader) throws {
    var lower: [UInt8] = []
    for lane in lanes.sorted(by: { $0.number < $1.number }) {
      let gap = KeyRange(from: lower, to: lane.range.lower)
      if let stray = try reader.first(in: gap) { throw SoakViolation("a key of no lane: \(stray.key)") }
      lower = lane.range.upper ?? lane.range.lower
    }
    if let stray = try reader.first(in: KeyRange(from: lower, to: nil)) {
      throw SoakViolation("a key of no lane: \(stray.key)")
    }
  }
}
