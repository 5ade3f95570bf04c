/// What a lane holds after so many of its operations.
struct CrashModel {
  let lane: CrashLane
  let script: CrashScript
  /// How many operations of the lane were made.
  private(set) var operations: UInt64 = 0
  /// The last of them that is no load, and the last load; 0 for none.
  private(set) var counted: UInt64 = 0
  private(set) var loaded: UInt64 = 0
  private(set) var stamps: [CrashPlace: CrashStamp] = [:]

  init(_ lane: CrashLane, _ script: CrashScript) {
    self.lane = lane
    self.script = script
  }

  /// The number of the last operation; 0 for none.
  var last: UInt64 { operations == 0 ? 0 : lane.operation(at: operations) }

  /// Makes operations until there are `count`.
  mutating func advance(to count: UInt64) {
    while operations < count { apply(script.operation(lane.operation(at: operations + 1))) }
  }

  private mutating func apply(_ operation: CrashOperation) {
    operations += 1
    if operation.manner == .load {
      loaded = operation.number
      stamps = stamps.filter { if case .loaded = $0.key { false } else { true } }
    } else {
      counted = operation.number
    }
    for step in operation.steps {
      switch step {
      case .set(let place, let stamp): stamps[place] = stamp
      case .remove(let place): stamps[place] = nil
      case .removeSlots(let slots): for slot in slots { stamps[.slot(slot)] = nil }
      }
    }
  }

  /// Everything the lane holds, in the order of its keys.
  var entries: [CrashEntry] {
    var entries = stamps.map { CrashEntry(key: lane.key(of: $0.key), content: .value($0.key, $0.value)) }
    if counted > 0 { entries.append(CrashEntry(key: lane.countKey, content: .number(counted))) }
    if loaded > 0 { entries.append(CrashEntry(key: lane.loadedKey, content: .number(loaded))) }
    return entries.sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }
}

/// A key that must be there, and what it must hold.
struct CrashEntry {
  enum Content {
    case value(CrashPlace, CrashStamp)
    case number(UInt64)
  }

  let key: [UInt8]
  let content: Content

  /// What is wrong with what was found; `nil` when nothing is.
  func difference(from found: UnsafeRawBufferPointer, _ script: CrashScript) -> String? {
    switch content {
    case .number(let number):
      let bytes = CrashLane.bytes(of: number)
      return bytes.elementsEqual(found) ? nil : "\([UInt8](found.prefix(16))) instead of \(bytes)"
    case .value(_, let stamp):
      let value = script.value(stamp)
      let place = value.firstDifference(in: found)
      if place == nil && found.count == value.length { return nil }
      return "\(found.count) bytes instead of \(value.length), wrong from byte \(place ?? found.count)"
    }
  }

  var words: String {
    switch content {
    case .number(let number): "the number \(number)"
    case .value(.new(_, let index), let stamp): "key \(index) of operation \(stamp.operation)"
    case .value(.slot(let slot), let stamp): "slot \(slot) of operation \(stamp.operation)"
    case .value(.loaded(let index), let stamp): "entry \(index) loaded by operation \(stamp.operation)"
    }
  }
}
