/// One commit of a soak: what it does follows from the lane's seed and the commit's number alone.
struct SoakCommit: Equatable {
  enum Operation: Equatable {
    case set(slot: Int, stamp: UInt64)
    case remove(slot: Int)
    case removeSlots(Range<Int>)
    /// To the journal's end.
    case append(stamp: UInt64)
    /// The oldest half of the journal goes.
    case trimJournal
  }

  let number: UInt64
  /// In the order in which they take effect. At most 255.
  var operations: [Operation] = []
  /// What is read before, in a transaction; empty for a batch.
  var reads: [Int] = []
  /// Whether it reads, and must so be a transaction.
  var isTransaction = false
  /// Whether it may be taken back by a power cut, though never by the end of the process.
  var isBuffered = false

  /// Commit `number` of a lane. Numbers begin at 1.
  init(_ number: UInt64, of lane: SoakLane) {
    self.number = number
    var random = SeededGenerator(seed: lane.seed ^ SoakValue.mix(number))
    // Work moves on from run to run, and now and then comes back to any of them.
    let nearby = Int(number / 48 % UInt64(lane.runs))
    let run = random.pick(0...9) < 7 ? nearby : random.pick(0...(lane.runs - 1))
    let start = run * SoakLane.runSlots
    func slot(_ random: inout SeededGenerator) -> Int { start + random.pick(0...(SoakLane.runSlots - 1)) }

    isBuffered = random.pick(0...3) == 0
    let kind = random.pick(0...99_999)
    switch kind {
    case 0...2:
      let first = random.pick(0...(lane.slots / 2))
      operations = [.removeSlots(first..<(first + lane.slots / 2))]
    case 3...49: operations = [.removeSlots(start..<(start + SoakLane.runSlots))]
    case 50...299:
      let first = slot(&random)
      let length = random.pick(1...(SoakLane.runSlots / 2))
      operations = [.removeSlots(first..<min(first + length, start + SoakLane.runSlots))]
      if random.pick(0...1) == 0 { operations.append(set(slot(&random))) }
    case 300...499:
      isTransaction = true
      operations = [.trimJournal]
    case 500...9_999: operations = [.remove(slot: slot(&random))]
    case 10_000...19_999:
      operations = [.append(stamp: stamp(0))]
      if random.pick(0...1) == 0 { operations.append(set(slot(&random))) }
    case 20_000...34_999:
      isTransaction = true
      reads = (0..<random.pick(1...4)).map { _ in slot(&random) }
      for _ in 0..<random.pick(1...3) { operations.append(set(slot(&random))) }
    case 35_000...54_999:
      for _ in 0..<random.pick(2...16) {
        let place = slot(&random)
        operations.append(random.pick(0...9) == 0 ? .remove(slot: place) : set(place))
      }
    default: operations = [set(slot(&random))]
    }
  }

  /// What tells apart everything that a lane ever writes.
  private func stamp(_ index: Int) -> UInt64 { number << 8 | UInt64(index & 0xff) }

  private func set(_ slot: Int) -> Operation { .set(slot: slot, stamp: stamp(operations.count)) }

  /// A stamp as words.
  static func words(_ stamp: UInt64) -> String { "commit \(stamp >> 8), operation \(stamp & 0xff)" }
}
