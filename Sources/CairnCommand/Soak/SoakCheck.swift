import CairnKV

/// Compares what a store holds with a lane's model: every key, every byte.
struct SoakCheck {
  let model: SoakModel
  private var lane: SoakLane { model.lane }

  init(_ model: SoakModel) { self.model = model }

  /// How many commits of a lane the store holds, which the lane's counter says.
  static func commits(of lane: SoakLane, in reader: any KeyValueReader) throws -> UInt64 {
    guard let value = try reader.get(lane.counterKey) else { return 0 }
    guard value.count == 8 else {
      throw SoakViolation("lane \(lane.number): the counter has \(value.count) bytes instead of 8")
    }
    return value.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
  }

  /// The counter's value after so many commits.
  static func counterValue(_ commits: UInt64) -> [UInt8] {
    withUnsafeBytes(of: commits.littleEndian) { Array($0) }
  }

  // MARK: Everything

  /// Everything in the lane, in one scan.
  func check(_ reader: any KeyValueReader, _ direction: ScanDirection = .ascending) throws {
    let keys = expectedKeys(direction)
    var next = keys.startIndex
    var violation: SoakViolation?
    var journalKey: [UInt8]?
    try reader.scan(lane.range, direction, limit: nil) { entry in
      let expected = next < keys.endIndex ? keys[next] : nil
      violation = compare(entry, with: expected, &journalKey, direction)
      next += 1
      return violation == nil ? .proceed : .stop
    }
    if let violation { throw violation }
    if next < keys.endIndex { throw fail("\(words(keys[next])) is missing") }
  }

  /// What stands in the lane, in order.
  private enum Place: Equatable {
    case counter
    case journal(stamp: UInt64)
    case slot(Int)
  }

  private func expectedKeys(_ direction: ScanDirection) -> [Place] {
    var places: [Place] = model.number == 0 ? [] : [.counter]
    for stamp in model.journal { places.append(.journal(stamp: stamp)) }
    for slot in model.stamps.indices where model.stamps[slot] != 0 { places.append(.slot(slot)) }
    return direction == .ascending ? places : places.reversed()
  }

  private func compare(
    _ entry: KeyValue, with expected: Place?, _ journalKey: inout [UInt8]?, _ direction: ScanDirection
  ) -> SoakViolation? {
    switch expected {
    case nil: return fail("there is a key too many: \(entry.key)")
    case .counter:
      guard entry.key == lane.counterKey else { return unexpected(entry, .counter) }
      return entry.value == Self.counterValue(model.number) ? nil : fail("the counter is not as it was")
    case .journal(let stamp):
      guard lane.journal.range.contains(entry.key) else { return unexpected(entry, .journal(stamp: stamp)) }
      if let last = journalKey,
        !(direction == .ascending
          ? last.lexicographicallyPrecedes(entry.key) : entry.key.lexicographicallyPrecedes(last))
      {
        return fail("the journal is out of order at \(entry.key)")
      }
      journalKey = entry.key
      return difference(entry.value, slot: SoakLane.journalSlot, stamp: stamp)
    case .slot(let slot):
      guard entry.key == lane.key(of: slot) else { return unexpected(entry, .slot(slot)) }
      return difference(entry.value, slot: slot, stamp: model.stamps[slot])
    }
  }

  private func unexpected(_ entry: KeyValue, _ expected: Place) -> SoakViolation {
    fail("where \(words(expected)) should come, there is the key \(entry.key)")
  }

  // MARK: Parts

  /// The value of one slot.
  func check(slot: Int, in reader: any KeyValueReader) throws {
    let found = try reader.get(lane.key(of: slot))
    try check(found, of: slot)
  }

  /// What was found for a slot.
  func check(_ found: [UInt8]?, of slot: Int) throws {
    let stamp = model.stamps[slot]
    guard let found else {
      if stamp == 0 { return }
      throw fail("\(words(.slot(slot))) is missing")
    }
    if stamp == 0 { throw fail("slot \(slot) was removed and is there, \(origin(of: found, slot))") }
    if let violation = difference(found, slot: slot, stamp: stamp) { throw violation }
  }

  /// The first and the last entry of a part of a run.
  func checkEnds(of slots: Range<Int>, in reader: any KeyValueReader) throws {
    let range = lane.range(of: slots)
    for (found, expected) in [
      (try reader.first(in: range), model.firstTaken(in: slots)),
      (try reader.last(in: range), model.lastTaken(in: slots)),
    ] {
      guard found?.key == expected.map({ lane.key(of: $0) }) else {
        throw fail(
          "an end of the slots \(slots) is \(found.map { "\($0.key)" } ?? "nothing") instead of "
            + "\(expected.map { words(.slot($0)) } ?? "nothing")")
      }
      if let expected { try check(found?.value, of: expected) }
    }
  }

  /// Some slots, by a scan that ends after `limit` entries.
  func check(
    _ slots: Range<Int>, _ direction: ScanDirection, limit: Int, in reader: any KeyValueReader
  ) throws {
    let taken = slots.filter { model.stamps[$0] != 0 }
    let expected = direction == .ascending ? Array(taken.prefix(limit)) : taken.suffix(limit).reversed()
    let found = try reader.entries(in: lane.range(of: slots), direction, limit: limit)
    guard found.map(\.key) == expected.map({ lane.key(of: $0) }) else {
      throw fail("a scan of the slots \(slots) found \(found.count) keys, not the \(expected.count) expected")
    }
    for (entry, slot) in zip(found, expected) { try check(entry.value, of: slot) }
  }

  /// The journal's first entries, and how many there are up to `limit`.
  func checkJournal(_ found: [KeyValue], limit: Int) throws {
    let expected = model.journal.prefix(limit)
    guard found.count == expected.count else {
      throw fail("the journal begins with \(found.count) entries instead of \(expected.count)")
    }
    for (entry, stamp) in zip(found, expected) {
      if let violation = difference(entry.value, slot: SoakLane.journalSlot, stamp: stamp) { throw violation }
    }
  }

  // MARK: Words

  /// What is wrong with a value; `nil` when nothing is.
  private func difference(_ found: [UInt8], slot: Int, stamp: UInt64) -> SoakViolation? {
    let value = lane.value(of: slot, stamp: stamp)
    let place = found.withUnsafeBytes { value.firstDifference(in: $0) }
    if place == nil && found.count == value.length { return nil }
    let offset = place ?? found.count
    return fail(
      "\(words(slot == SoakLane.journalSlot ? .journal(stamp: stamp) : .slot(slot))) is not as written: "
        + "\(found.count) bytes instead of \(value.length), wrong from byte \(offset); "
        + origin(of: found, slot)
    )
  }

  func fail(_ what: String) -> SoakViolation {
    SoakViolation("lane \(lane.number) after commit \(model.number): \(what)")
  }

  private func origin(of found: [UInt8], _ slot: Int) -> String {
    guard let stamp = lane.value(of: slot, stamp: 0).stamp(of: found) else {
      return "not a value of this key"
    }
    return "as \(SoakCommit.words(stamp)) wrote it"
  }

  private func words(_ place: Place) -> String {
    switch place {
    case .counter: "the counter"
    case .journal(let stamp): "the journal's entry of \(SoakCommit.words(stamp))"
    case .slot(let slot): "slot \(slot) of \(SoakCommit.words(model.stamps[slot]))"
    }
  }
}

/// A difference between the store and the model: what a soak is there to find.
struct SoakViolation: Error, Equatable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
