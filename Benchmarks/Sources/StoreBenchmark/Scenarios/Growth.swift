import BenchmarkKit
import Foundation
import Peers

/// What reads and durable writes cost as a store grows, with 32 MiB of memory; and what memory the process then has.
///
/// Each store has a process of its own: filled by one, measured by another, so that what is resident is what reading
/// takes.
final class Growth: Scenario {
  let settings: StoreSettings = Growth.storeSettings
  private let sizes: Sizes
  private var folders: [String: String] = [:]
  private static let storeSettings = StoreSettings(memoryBytes: Sizes.scalingMemoryBytes, prefixBytes: 8)
  private static let entriesPerPrefix = 100

  init(_ sizes: Sizes) { self.sizes = sizes }

  private enum Operation: String, CaseIterable {
    case get, newest, put

    var name: String {
      switch self {
      case .get: "point get"
      case .newest: "newest in prefix"
      case .put: "durable put"
      }
    }
  }

  var cells: [ScenarioCell] {
    sizes.scalingKeys.map { keys in
      var rows = Operation.allCases.map { operation in
        Row(
          "scaling-\(operation.rawValue)-\(keys)", section: "Growth", name: "\(operation.name), \(keys) keys",
          unit: "µs", greaterIsBetter: false, note: "32 MiB of memory, 1 thread.",
          scaling: Scaling(operation.name, keys: keys))
      }
      rows.append(
        Row(
          "memory-\(keys)", section: "Growth", name: "resident after opening and reading, \(keys) keys",
          unit: "MiB",
          greaterIsBetter: false, targets: keys == sizes.scalingKeys.last ? [Target(.absolute, 64)] : [],
          note:
            "The whole process; caches and buffers are given 32 MiB of it. Pages of LMDB's map count as well."
        ))
      return ScenarioCell(rows: rows, contestants: Engines.forReading.map { .engine($0) }) {
        contestant, recorder in
        try self.measure(contestant, keys, &recorder)
      }
    }
  }

  func prepare(_ contestant: Contestant, in folder: String) throws {
    guard case .engine(let engine) = contestant else { return }
    folders[contestant.name] = folder
    for keys in sizes.scalingKeys {
      _ = try ChildProcess.run(.fillForScaling, engine, "\(folder)/\(keys)", [Double(keys)])
    }
  }

  func finish() {}

  private func measure(_ contestant: Contestant, _ keys: Int, _ recorder: inout Recorder) throws {
    guard case .engine(let engine) = contestant, let folder = folders[contestant.name] else { return }
    let output = try ChildProcess.run(
      .measureScaling, engine, "\(folder)/\(keys)", [Double(keys), sizes.seconds])
    for line in output.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count == 2, let value = Double(fields[1]) else { continue }
      recorder.record(value, fields[0] == "memory" ? "memory-\(keys)" : "scaling-\(fields[0])-\(keys)")
    }
  }

  // MARK: In the child

  static func fill(_ engine: any StoreEngine, _ path: String, keys: Int) throws {
    let store = try engine.open(at: path, storeSettings)
    let values = Values(bytes: Sizes.valueBytes)
    try store.load(keys, appends: true) { number, key in
      setKey(number, &key)
      return values[number]
    }
    try store.settle()
    try store.close()
  }

  private static func setKey(_ number: Int, _ key: inout [UInt8]) {
    Keys.setAscending(number / entriesPerPrefix, &key)
    key.withUnsafeMutableBytes {
      $0.storeBytes(of: UInt64(number % entriesPerPrefix).bigEndian, toByteOffset: 8, as: UInt64.self)
    }
  }

  /// Prints microseconds an operation, and what is resident after the reads.
  static func measureInChild(_ engine: any StoreEngine, _ path: String, keys: Int, seconds: Double) throws {
    let store = try engine.open(at: path, storeSettings)
    for operation in [Operation.get, .newest] { try report(operation, store, keys, seconds) }
    print("memory \(Double(ProcessFacts.residentBytes) / 1_048_576)")
    try report(.put, store, keys, seconds)
    try store.settle()
    try store.close()
  }

  private static func report(
    _ operation: Operation, _ store: any BenchmarkStore, _ keys: Int, _ seconds: Double
  ) throws {
    let work = try ThreadTeam.run(1, seconds: seconds) { _, signal in
      let session = try store.makeSession()
      // Other numbers in each round, since a round writes to the store of the one before it.
      var numbers = SeededNumbers(Int(ProcessInfo.processInfo.processIdentifier))
      let value = Values(bytes: Sizes.valueBytes, count: 1)[0]
      var writes = WriteSet(keys: [Keys.blank], values: [value])
      var tally = Tally()
      var key = Keys.blank
      signal.begin()
      var count = 0
      while !signal.isOver {
        setKey(numbers.below(keys), &key)
        switch operation {
        case .get: try session.lend(key) { tally.add($0) }
        case .newest: try session.newest(ofPrefix: Array(key.prefix(8))) { tally.add($0) }
        case .put:
          writes.keys[0] = key
          try session.commit(writes, durable: true)
        }
        count += 1
      }
      if operation != .put && tally.found != count {
        throw StoreFailure("\(operation.name) has not found what is there")
      }
      return count
    }
    print("\(operation.rawValue) \(1e6 / work.rate)")
  }
}
