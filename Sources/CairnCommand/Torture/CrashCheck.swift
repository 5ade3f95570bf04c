import CairnKV

/// Compares a store with what its writers said: all that was acknowledged is there with its exact bytes; of what
/// was not, each lane holds a prefix, wholly; nothing else is there; and the commit order is one that could be.
struct CrashCheck {
  /// So many violations are told at most.
  static let limit = 20

  let script: CrashScript
  let record: CrashRecord
  /// Whether the power was cut: then the last buffered operations may be gone, but only the last ones.
  var hasLostPower = false
  /// Whether it is a backup that is looked at: it may end before the store does, but not before what was done when
  /// the last backup began that is finished, and with no operation without all that were done before that one began.
  var isBackup = false

  /// What does not hold.
  /// - Throws: what a read threw.
  func violations(in reader: any KeyValueReader) throws -> [CrashViolation] {
    var found = isBackup ? [] : lostBefore
    let recorded: [UInt64]
    do {
      recorded = try CrashStore.recorded(in: reader)
    } catch let violation as CrashViolation {
      return found + [violation]
    }
    found += missing(recorded) + neverBegun(recorded)
    // What never began may be of any number: nothing beyond what was heard of is made up.
    let heardOf = UInt64(record.operations.count)
    let models = zip(CrashLane.all, recorded).map { lane, count in
      var model = CrashModel(lane, script)
      model.advance(to: min(count, record.begun[lane.number], heardOf))
      return model
    }
    let contents = try CrashContents(script: script, models: models).compare(with: reader)
    found += contents.violations
    let ending: CrashOrder.Ending? =
      hasLostPower ? .atOpenings(record.lostBuffered) : isBackup ? .anywhere : nil
    found += CrashOrder(record: record, script: script, recorded: models.map(\.operations)).violations(
      in: contents.order, ending)
    return found
  }

  private var lostBefore: [CrashViolation] {
    let found = record.lost.map {
      CrashViolation(.lostBefore, "operation \($0) was acknowledged, and a later run began it again")
    }
    if hasLostPower { return found }
    return found
      + record.lostBuffered.map {
        CrashViolation(.lostBefore, "operation \($0.operation) was done, and a later run began it again")
      }
  }

  private func mustBeThere(_ operation: CrashRecord.Operation) -> Bool {
    guard let done = operation.done else { return false }
    return isBackup ? done <= record.lastLineBackedUp : operation.isDurable || !hasLostPower
  }

  private func missing(_ recorded: [UInt64]) -> [CrashViolation] {
    let lost = record.operations.filter { number, operation in
      guard mustBeThere(operation) else { return false }
      return CrashLane.index(of: number) > recorded[CrashLane(of: number).number]
    }
    return lost.keys.sorted().prefix(Self.limit).map { number in
      CrashViolation(
        .lost,
        "operation \(number) was acknowledged, and its lane ends before it, after "
          + "\(recorded[CrashLane(of: number).number]) operations")
    }
  }

  private func neverBegun(_ recorded: [UInt64]) -> [CrashViolation] {
    CrashLane.all.flatMap { lane -> [CrashViolation] in
      let count = recorded[lane.number]
      let begun = record.begun[lane.number]
      if count > begun {
        return [
          CrashViolation(
            .neverBegun, "lane \(lane.number) holds \(count) operations, of which only \(begun) began")
        ]
      }
      let strange = (0..<count).lazy.map { lane.operation(at: $0 + 1) }.filter {
        record.operations[$0] == nil
      }
      return strange.prefix(Self.limit).map {
        CrashViolation(.neverBegun, "operation \($0) is there, and never began")
      }
    }
  }
}
