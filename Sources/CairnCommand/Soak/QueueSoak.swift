import CairnEngine
import CairnKV
import Foundation

/// A queue that is worked off: insertions at the tail, removals at the head, and how long it takes to find
/// the head, compared with a fresh store that holds the same entries.
struct QueueSoak {
  /// How the queue is worked off.
  enum Shape: String, CaseIterable {
    /// Never more than ten entries.
    case shallow
    /// Ten thousand entries.
    case deep
    /// A hundred entries; the head is removed by the transaction that reads it.
    case transactions

    var depth: Int {
      switch self {
      case .shallow: 10
      case .deep: 10_000
      case .transactions: 100
      }
    }
  }

  /// What finding the head took at one moment, in nanoseconds: the medians.
  struct Measurement {
    let removals: Int
    let used: UInt64
    let fresh: UInt64

    var ratio: Double { Double(used) / Double(max(fresh, 1)) }
  }

  let shape: Shape
  let count: Int
  let durability: Durability
  let memoryLimit: Int

  private static let moments = 5
  private static let calls = 5001
  private static let payload = [UInt8](repeating: 0x71, count: 100)
  private static let queue = Tuple("queue", "jobs")

  private static func key(_ id: Int) -> [UInt8] { Tuple("queue", "jobs", .integer(Int64(id))).encoded() }

  private var options: EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = memoryLimit
    return options
  }

  /// Works the queue off, and adds a row to the report.
  func run(in folder: SoakFolder, _ report: inout SoakReport) throws {
    let path = folder.path + "/" + shape.rawValue
    let engine: Engine = try Engine.open(at: path, options: options)
    var head = 0
    var tail = 0
    while tail < shape.depth {
      try insert(tail, into: engine)
      tail += 1
    }
    var measurements: [Measurement] = []
    let start = DispatchTime.now().uptimeNanoseconds
    var measuring: UInt64 = 0
    for moment in 1...Self.moments {
      let target = count / Self.moments * moment
      while head < target {
        try insert(tail, into: engine)
        tail += 1
        try removeHead(head, from: engine)
        head += 1
      }
      let begin = DispatchTime.now().uptimeNanoseconds
      measurements.append(try measure(engine, head..<tail, beside: path + "-fresh-\(moment)"))
      measuring += DispatchTime.now().uptimeNanoseconds &- begin
    }
    let seconds = Double(max(1, DispatchTime.now().uptimeNanoseconds &- start &- measuring)) / 1e9
    try engine.close()
    for measurement in measurements {
      report.tell(
        "\(shape.rawValue), \(Figure.count(UInt64(measurement.removals))) removed",
        "\(measurement.used) ns, fresh \(measurement.fresh) ns")
    }
    report.tell(
      "\(shape.rawValue), commits a second", Figure.count(UInt64(Double(2 * count) / seconds)))
    let worst = measurements.map(\.ratio).max() ?? 0
    report.require(
      "\(shape.rawValue), first entry at the worst moment", Figure.decimal(worst, 2) + " x fresh", "<= 3 x",
      worst <= 3)
  }

  private func insert(_ id: Int, into engine: Engine) throws {
    try engine.write(durability) { try $0.set(Self.key(id), to: Self.payload) }
  }

  private func removeHead(_ id: Int, from engine: Engine) throws {
    guard shape == .transactions else {
      try engine.write(durability) { try $0.remove(Self.key(id)) }
      return
    }
    try engine.transact(durability) { transaction in
      let head = try transaction.first(in: Self.queue.range)
      guard let head, head.key == Self.key(id) else { throw Self.wrong(head, id) }
      try transaction.remove(head.key)
    }
  }

  /// The median of many calls on the queue's store and on a fresh one, in turns.
  private func measure(_ used: Engine, _ live: Range<Int>, beside path: String) throws -> Measurement {
    let fresh: Engine = try Engine.open(at: path, options: options)
    for id in live { try fresh.write(.buffered) { try $0.set(Self.key(id), to: Self.payload) } }
    var usedTimes: [UInt64] = []
    var freshTimes: [UInt64] = []
    for _ in 0..<Self.calls {
      usedTimes.append(try time(used, head: live.lowerBound))
      freshTimes.append(try time(fresh, head: live.lowerBound))
    }
    try fresh.close()
    try? FileManager.default.removeItem(atPath: path)
    return Measurement(
      removals: live.lowerBound, used: usedTimes.sorted()[Self.calls / 2],
      fresh: freshTimes.sorted()[Self.calls / 2])
  }

  private func time(_ engine: Engine, head: Int) throws -> UInt64 {
    let range = Self.queue.range
    let start = DispatchTime.now().uptimeNanoseconds
    let found = try engine.read { try $0.first(in: range) }
    let nanoseconds = DispatchTime.now().uptimeNanoseconds &- start
    guard let found, found.key == Self.key(head) else { throw Self.wrong(found, head) }
    return nanoseconds
  }

  private static func wrong(_ found: KeyValue?, _ head: Int) -> SoakViolation {
    SoakViolation("the queue's head is \(found.map { "\($0.key)" } ?? "nothing") instead of \(key(head))")
  }
}
