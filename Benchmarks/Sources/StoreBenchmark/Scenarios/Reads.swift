import BenchmarkKit
import Foundation
import Peers

/// Reading a store that was filled all over its range and has settled: single keys, all of it, short ranges.
///
/// Every value that is read has its first and last byte touched, and the number of what was found is checked.
final class Reads: Scenario {
  let settings: StoreSettings
  private let sizes: Sizes
  private let stores = OpenStores()
  private let scarceStores = OpenStores()
  private var seed = 0

  /// Several ascending passes over all of the range: pages split and runs overlap as with random order, but it does not
  /// take the slowest engine minutes.
  private lazy var fillingOrder: [Int] = {
    let sorted = (0..<sizes.readKeys).sorted { Keys.scatter(UInt64($0)) < Keys.scatter(UInt64($1)) }
    return (0..<Sizes.fillingPasses).flatMap { pass in
      stride(from: pass, to: sorted.count, by: Sizes.fillingPasses).map { sorted[$0] }
    }
  }()

  init(_ sizes: Sizes) {
    self.sizes = sizes
    settings = StoreSettings(memoryBytes: sizes.ampleMemoryBytes)
  }

  private static let section = "Reading"

  var cells: [ScenarioCell] {
    let lmdb = Target(.subject("LMDB"), 1.0)
    let rocks = Target(.subject("RocksDB"), 2.5)
    let data = "\(sizes.readKeys) keys, all in memory"
    return [
      cell(
        Row(
          "get", section: Self.section, name: "point get, \(data), 1 thread", unit: "/s",
          targets: [lmdb, rocks], isMain: true)
      ) {
        try self.gets($0, threads: 1)
      },
      cell(
        Row(
          "get-2", section: Self.section, name: "point get, 2 threads", unit: "/s", targets: [lmdb, rocks],
          isMain: true)
      ) {
        try self.gets($0, threads: 2)
      },
      cell(
        Row(
          "get-copy", section: Self.section, name: "point get with a copy, 1 thread", unit: "/s",
          note: "The value as an array of its own, whatever the engine lends.")
      ) { try self.copyingGets($0) },
      cell(
        Row(
          "get-absent", section: Self.section, name: "absent key, 1 thread", unit: "/s",
          targets: [Target(.bestPeer, 1.5)], isMain: true)
      ) { try self.gets($0, threads: 1, areAbsent: true) },
      cell(
        Row(
          "get-scarce", section: Self.section, name: "point get, memory for a quarter, 1 thread", unit: "/s",
          note:
            "\(sizes.scarceMemoryBytes >> 20) MiB for caches; what they do not hold comes from the system's page cache, "
            + "which nobody is denied, and LMDB has no other.")
      ) { try self.gets($0, threads: 1, from: self.scarceStores) },
      cell(
        Row(
          "scan", section: Self.section, name: "full scan, entries", unit: "/s",
          targets: [lmdb, Target(.subject("RocksDB"), 3)], isMain: true)
      ) { try self.scans($0) },
      cell(
        Row(
          "seek-50", section: Self.section, name: "seek and 50 entries", unit: "/s", targets: [lmdb],
          isMain: true)
      ) { try self.shortRanges($0) },
    ]
  }

  private func cell(_ row: Row, _ measure: @escaping (Contestant) throws -> Double) -> ScenarioCell {
    ScenarioCell(rows: [row], contestants: Engines.forReading.map { .engine($0) }, needsDisk: false) {
      contestant, recorder in
      recorder.record(try measure(contestant), row.id)
    }
  }

  func prepare(_ contestant: Contestant, in folder: String) throws {
    guard case .engine(let engine) = contestant else { return }
    let (ample, scarce) = (folder + "/ample", folder + "/scarce")
    let filled = try engine.open(at: ample, settings)
    let values = Values(bytes: Sizes.valueBytes)
    let order = fillingOrder
    try filled.load(sizes.readKeys) { position, key in
      Keys.setScattered(order[position], &key)
      return values[order[position]]
    }
    try contestant.settleAtRest(filled, seconds: sizes.quietSeconds)
    try filled.close()
    try FileManager.default.copyItem(atPath: ample, toPath: scarce)
    let store = try engine.open(at: ample, settings)
    stores.add(store, contestant)
    scarceStores.add(
      try engine.open(at: scarce, StoreSettings(memoryBytes: sizes.scarceMemoryBytes)), contestant)
    // Everything is to be in the cache, wherever the engine keeps it.
    let session = try store.makeSession()
    var tally = Tally()
    var key = Keys.blank
    for number in 0..<sizes.readKeys {
      Keys.setScattered(number, &key)
      try session.lend(key) { tally.add($0) }
    }
    try Self.expect(tally.found == sizes.readKeys, contestant)
  }

  func finish() throws {
    try stores.closeAll()
    try scarceStores.closeAll()
  }

  private static func expect(_ isRight: Bool, _ contestant: Contestant) throws {
    if !isRight { throw StoreFailure("\(contestant.name) has not found what is there") }
  }

  private func gets(
    _ contestant: Contestant, threads: Int, areAbsent: Bool = false, from stores: OpenStores? = nil
  ) throws -> Double {
    seed += 1
    let (store, seed, keys) = (try (stores ?? self.stores)[contestant], seed, sizes.readKeys)
    return try ThreadTeam.run(threads, seconds: sizes.seconds) { thread, signal in
      let session = try store.makeSession()
      var numbers = SeededNumbers(seed << 8 | thread)
      var tally = Tally()
      var key = Keys.blank
      signal.begin()
      var count = 0
      while !signal.isOver {
        Keys.setScattered(numbers.below(keys) + (areAbsent ? keys : 0), &key)
        try session.lend(key) { tally.add($0) }
        count += 1
      }
      try Self.expect(tally.found == (areAbsent ? 0 : count), contestant)
      return count
    }.rate
  }

  private func copyingGets(_ contestant: Contestant) throws -> Double {
    seed += 1
    let (store, seed, keys) = (try stores[contestant], seed, sizes.readKeys)
    return try ThreadTeam.run(1, seconds: sizes.seconds) { _, signal in
      let session = try store.makeSession()
      var numbers = SeededNumbers(seed << 8)
      var tally = Tally()
      var key = Keys.blank
      signal.begin()
      var count = 0
      while !signal.isOver {
        Keys.setScattered(numbers.below(keys), &key)
        try session.get(key)?.withUnsafeBytes { tally.add($0) }
        count += 1
      }
      try Self.expect(tally.found == count, contestant)
      return count
    }.rate
  }

  private func scans(_ contestant: Contestant) throws -> Double {
    let (store, keys) = (try stores[contestant], sizes.readKeys)
    return try ThreadTeam.run(1, seconds: sizes.seconds) { _, signal in
      let session = try store.makeSession()
      var count = 0
      signal.begin()
      while !signal.isOver {
        var tally = Tally()
        try session.scan(from: [0], limit: .max) { _, value in tally.add(value) }
        try Self.expect(tally.found == keys, contestant)
        count += keys
      }
      return count
    }.rate
  }

  private func shortRanges(_ contestant: Contestant) throws -> Double {
    seed += 1
    let (store, seed, keys) = (try stores[contestant], seed, sizes.readKeys)
    return try ThreadTeam.run(1, seconds: sizes.seconds) { _, signal in
      let session = try store.makeSession()
      var numbers = SeededNumbers(seed << 8)
      var tally = Tally()
      var key = Keys.blank
      signal.begin()
      var count = 0
      while !signal.isOver {
        Keys.setScattered(numbers.below(keys), &key)
        try session.scan(from: key, limit: Sizes.rangeEntries) { _, value in tally.add(value) }
        count += 1
      }
      // A range may begin close to the last key.
      try Self.expect(tally.found > count * Sizes.rangeEntries * 9 / 10, contestant)
      return count
    }.rate
  }
}
