import BenchmarkKit
import Foundation
import Peers

/// The newest of a hundred entries below one of many prefixes: how the latest checkpoint of a run is found.
final class NewestInPrefix: Scenario {
  let settings: StoreSettings
  private let sizes: Sizes
  private let stores = OpenStores()
  private var seed = 0

  init(_ sizes: Sizes) {
    self.sizes = sizes
    settings = StoreSettings(memoryBytes: sizes.ampleMemoryBytes, prefixBytes: 8)
  }

  var cells: [ScenarioCell] {
    let row = Row(
      "newest-in-prefix", section: "Reading",
      name: "newest in prefix, \(sizes.prefixes) × \(sizes.entriesPerPrefix)", unit: "/s",
      targets: [Target(.subject("LMDB"), 1.0)], isMain: true)
    return [
      ScenarioCell(rows: [row], contestants: Engines.forReading.map { .engine($0) }, needsDisk: false) {
        contestant, recorder in
        recorder.record(try self.rate(contestant), row.id)
      }
    ]
  }

  func prepare(_ contestant: Contestant, in folder: String) throws {
    guard case .engine(let engine) = contestant else { return }
    let store = try engine.open(at: folder + "/store", settings)
    stores.add(store, contestant)
    let values = Values(bytes: Sizes.valueBytes)
    let prefixes = (0..<sizes.prefixes).sorted { Keys.scatter(UInt64($0)) < Keys.scatter(UInt64($1)) }
    // Each prefix gets its next entry in turn.
    try store.load(prefixes.count * sizes.entriesPerPrefix) { number, key in
      let (entry, position) = number.quotientAndRemainder(dividingBy: prefixes.count)
      Keys.setEntry(entry, ofPrefix: prefixes[position], &key)
      return values[number]
    }
    try contestant.settleAtRest(store, seconds: sizes.quietSeconds)
    _ = try rate(contestant)
  }

  func finish() throws { try stores.closeAll() }

  private func rate(_ contestant: Contestant) throws -> Double {
    seed += 1
    let (store, seed, prefixes) = (try stores[contestant], seed, sizes.prefixes)
    return try ThreadTeam.run(1, seconds: sizes.seconds) { _, signal in
      let session = try store.makeSession()
      var numbers = SeededNumbers(seed)
      var tally = Tally()
      let all = (0..<prefixes).map { number in
        var key = Keys.blank
        Keys.setScattered(number, &key)
        return Array(key.prefix(8))
      }
      signal.begin()
      var count = 0
      while !signal.isOver {
        try session.newest(ofPrefix: all[numbers.below(prefixes)]) { tally.add($0) }
        count += 1
      }
      if tally.found != count { throw StoreFailure("\(contestant.name) has not found what is there") }
      return count
    }.rate
  }
}
