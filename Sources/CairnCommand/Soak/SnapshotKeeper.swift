import CairnEngine
import CairnKV

/// Holds snapshots for a while, and compares them with the models as of their time.
///
/// Keeps models of its own, which it advances to what each snapshot's counters say.
struct SnapshotKeeper {
  private var models: [SoakModel]
  private var random: SeededGenerator
  private let report: @Sendable (SessionLine) -> Void

  init(_ models: [SoakModel], seed: UInt64, report: @escaping @Sendable (SessionLine) -> Void) {
    self.models = models
    random = SeededGenerator(seed: seed)
    self.report = report
  }

  /// Takes and checks one snapshot after the other until told to stop.
  mutating func run(on engine: Engine, until control: SessionControl) throws {
    while !control.isStopped {
      let snapshot = try engine.snapshot()
      for index in models.indices {
        models[index].advance(to: try SoakCheck.commits(of: models[index].lane, in: snapshot))
      }
      // From a moment to ten seconds, each octave as often as any other.
      let rounds = 1 << random.pick(0...9)
      for _ in 0..<rounds where !control.isStopped {
        control.pause(milliseconds: 20)
        for model in models { try look(at: model, snapshot) }
      }
      if random.pick(0...3) == 0, !control.isStopped {
        let model = random.pick(models)
        try SoakCheck(model).check(snapshot, random.pick(0...1) == 0 ? .ascending : .descending)
      }
      report(.snapshotChecked)
    }
  }

  /// A few reads of every kind.
  private mutating func look(at model: SoakModel, _ snapshot: EngineSnapshot) throws {
    let check = SoakCheck(model)
    let start = random.pick(0...(model.lane.runs - 1)) * SoakLane.runSlots
    let run = start..<(start + SoakLane.runSlots)
    let slot = random.pick(run.lowerBound...(run.upperBound - 1))
    try check.check(slot: slot, in: snapshot)
    try check.checkEnds(of: run, in: snapshot)
    try check.checkEnds(of: slot..<run.upperBound, in: snapshot)
    try check.check(
      slot..<run.upperBound, random.pick(0...1) == 0 ? .ascending : .descending, limit: random.pick(1...8),
      in: snapshot)
    if let large = run.first(where: { model.isLarge($0) }) { try pieces(of: large, check, snapshot) }
  }

  /// A large value's length, a part of it, and all of it piece by piece.
  private mutating func pieces(of slot: Int, _ check: SoakCheck, _ snapshot: EngineSnapshot) throws {
    let lane = check.model.lane
    let key = lane.key(of: slot)
    let value = lane.value(of: slot, stamp: check.model.stamps[slot])
    guard try snapshot.valueLength(of: key) == value.length else {
      throw check.fail("slot \(slot) says another length than \(value.length)")
    }
    let start = random.pick(0...(value.length - 1))
    let end = min(value.length, start + random.pick(1...20_000))
    let part = try snapshot.readValue(of: key, range: start..<end)
    guard let part, part.count == end - start,
      part.withUnsafeBytes({ value.firstDifference(in: $0, at: start) }) == nil
    else { throw check.fail("the bytes \(start)..<\(end) of slot \(slot) are not as written") }
    guard random.pick(0...3) == 0 else { return }
    var offset = 0
    var difference: Int?
    try snapshot.forEachPiece(of: key) { piece in
      difference = piece.withUnsafeBytes { value.firstDifference(in: $0, at: offset) }
      offset += piece.byteCount
      return difference == nil ? .proceed : .stop
    }
    guard difference == nil, offset == value.length else {
      throw check.fail("slot \(slot) in pieces is not as written, from byte \(difference ?? offset)")
    }
  }
}

extension SoakModel {
  /// Whether a slot holds a value of 2 KiB or more.
  fileprivate func isLarge(_ slot: Int) -> Bool {
    stamps[slot] != 0 && lane.value(of: slot, stamp: stamps[slot]).length >= 2048
  }
}
