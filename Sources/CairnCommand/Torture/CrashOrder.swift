import CairnKV

/// Checks the commit order that a store has written down: lane by lane it has no hole, and of two operations of
/// which one was done before the other began, it has them in that order, and never the second without the first.
struct CrashOrder {
  /// Where a state may end although more was done.
  enum Ending {
    /// A power cut takes the end, up to the next opening: what that finds it makes durable. With what was done and
    /// lost so before, and has begun again since.
    case atOpenings([CrashRecord.Repetition])
    /// A backup ends where it was cut.
    case anywhere
  }

  let record: CrashRecord
  let script: CrashScript
  /// How many operations of each lane the store holds.
  let recorded: [UInt64]

  /// - Parameter entries: The entries of the commit order, in the order of their keys.
  func violations(in entries: [KeyValue], _ ending: Ending?) -> [CrashViolation] {
    var found: [CrashViolation] = []
    var positions: [UInt64: UInt64] = [:]
    // How many operations of each lane are passed.
    var passed = [UInt64](repeating: 0, count: CrashLane.count)
    for entry in entries {
      guard let position = CrashLane.position(of: entry.key), let number = CrashLane.number(of: entry.value),
        (1...CrashLane.greatestOperation).contains(number)
      else {
        found.append(CrashViolation(.stray, "\(entry.key.prefix(64)) is no place in the commit order"))
        continue
      }
      let lane = CrashLane(of: number)
      skipLoads(of: lane, &passed)
      let expected = lane.operation(at: passed[lane.number] + 1)
      guard number == expected else {
        let what = "in lane \(lane.number) operation \(number) follows where operation \(expected) should"
        found.append(CrashViolation(.order, what))
        break
      }
      passed[lane.number] += 1
      positions[number] = position
    }
    for lane in CrashLane.all {
      skipLoads(of: lane, &passed)
      guard found.isEmpty, passed[lane.number] != recorded[lane.number] else { continue }
      let what = "the commit order has \(passed[lane.number]) operations of lane \(lane.number), "
      found.append(CrashViolation(.order, what + "which has \(recorded[lane.number])"))
    }
    return Array((found + inTime(positions) + (ending.map(prefix) ?? [])).prefix(CrashCheck.limit))
  }

  /// Loads have no place in what is written down.
  private func skipLoads(of lane: CrashLane, _ passed: inout [UInt64]) {
    guard script.isMixed else { return }
    while passed[lane.number] < recorded[lane.number],
      script.operation(lane.operation(at: passed[lane.number] + 1)).manner == .load
    {
      passed[lane.number] += 1
    }
  }

  private func isThere(_ number: UInt64) -> Bool {
    CrashLane.index(of: number) <= recorded[CrashLane(of: number).number]
  }

  /// What was done before something else began stands before it.
  private func inTime(_ positions: [UInt64: UInt64]) -> [CrashViolation] {
    typealias Event = (line: Int, isDone: Bool, operation: UInt64, position: UInt64)
    var events: [Event] = []
    for (number, operation) in record.operations {
      guard let position = positions[number] else { continue }
      events.append((operation.begun, false, number, position))
      if let done = operation.done { events.append((done, true, number, position)) }
    }
    // The line at which an operation is first heard of may be that of its end.
    events.sort { ($0.line, $0.isDone ? 1 : 0) < ($1.line, $1.isDone ? 1 : 0) }
    var found: [CrashViolation] = []
    var newest: Event?
    for event in events {
      if event.isDone {
        if event.position > newest?.position ?? 0 { newest = event }
      } else if let newest, event.position < newest.position {
        let what = "operation \(newest.operation) was done before operation \(event.operation) began, "
        found.append(CrashViolation(.order, what + "and stands after it"))
      }
    }
    return found
  }

  /// What began after something else was done is not there without it: only the end is gone.
  ///
  /// What an opening finds it makes durable. So whatever a power cut takes went before the first opening after it was
  /// done, and says nothing of what began after that.
  private func prefix(_ ending: Ending) -> [CrashViolation] {
    var begun: [(line: Int, operation: UInt64)] = []
    var gone: [CrashRecord.Repetition] = []
    var openings: [Int] = []
    if case .atOpenings(let lost) = ending { (gone, openings) = (lost, record.openings) }
    for (number, operation) in record.operations {
      if isThere(number) {
        begun.append((operation.begun, number))
      } else if let done = operation.done {
        gone.append(CrashRecord.Repetition(operation: number, done: done))
      }
    }
    begun.sort { $0.line < $1.line }
    return gone.compactMap { loss in
      let next = Self.first(of: begun, after: loss.done) { $0.line }
      let opening = Self.first(of: openings, after: loss.done) { $0 }
      guard let next, next.line < opening ?? .max else { return nil }
      let what = "operation \(next.operation) is there, and operation \(loss.operation) is not, "
      return CrashViolation(.order, what + "which was done before it began")
    }
  }

  /// The first of `elements`, which are in the order of their lines, after a line.
  private static func first<Element>(
    of elements: [Element], after line: Int, _ lineOf: (Element) -> Int
  ) -> Element? {
    var (low, high) = (0, elements.count)
    while low < high {
      let middle = (low + high) / 2
      if lineOf(elements[middle]) > line { high = middle } else { low = middle + 1 }
    }
    return low < elements.count ? elements[low] : nil
  }
}
