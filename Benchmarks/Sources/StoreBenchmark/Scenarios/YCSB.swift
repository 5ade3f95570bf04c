import BenchmarkKit
import Foundation
import Peers
import Synchronization

/// The six core workloads of the Yahoo Cloud Serving Benchmark, by two threads, in the order that it asks for.
///
/// A record is one value of 1,000 bytes: its ten fields joined. Updates replace it whole. Commits are not synced.
final class YCSB: Scenario {
  let settings: StoreSettings
  private let sizes: Sizes
  private let stores = OpenStores()
  /// How many records each store has; D and E add some.
  private var counts: [String: RecordCount] = [:]
  private let values = Values(bytes: Sizes.ycsbValueBytes, count: 1024)
  private var seed = 0

  private final class RecordCount: Sendable {
    let value: Atomic<Int>
    init(_ count: Int) { value = Atomic(count) }
  }

  /// How many of a hundred operations are what, and which records they choose.
  private struct Mix {
    var id: String
    var what: String
    var reads = 0
    var updates = 0
    var inserts = 0
    var scans = 0
    var isLatest = false
  }

  private static let mixes = [
    Mix(id: "a", what: "50 % reads, 50 % updates", reads: 50, updates: 50),
    Mix(id: "b", what: "95 % reads, 5 % updates", reads: 95, updates: 5),
    Mix(id: "c", what: "reads", reads: 100),
    // What is left of a hundred is read, changed and written.
    Mix(id: "f", what: "50 % reads, 50 % read-modify-writes", reads: 50),
    Mix(id: "d", what: "95 % reads of the newest, 5 % inserts", reads: 95, inserts: 5, isLatest: true),
    Mix(id: "e", what: "95 % scans of up to 100, 5 % inserts", inserts: 5, scans: 95),
  ]

  init(_ sizes: Sizes) {
    self.sizes = sizes
    settings = StoreSettings(memoryBytes: sizes.memoryBytes, hasLargeValues: true, isWrittenOn: true)
  }

  var cells: [ScenarioCell] {
    Self.mixes.map { mix in
      let row = Row(
        "ycsb-\(mix.id)", section: "YCSB", name: "YCSB \(mix.id.uppercased()): \(mix.what)", unit: "/s",
        note:
          "\(sizes.ycsbRecords) records of 1,000 bytes, Zipf 0.99, 2 threads, commits not synced. What is left in memory is "
          + "flushed after the cell, and not counted.")
      return ScenarioCell(rows: [row], contestants: Engines.forReading.map { .engine($0) }) {
        contestant, recorder in
        recorder.record(try self.rate(contestant, mix), row.id)
      }
    }
  }

  func prepare(_ contestant: Contestant, in folder: String) throws {
    guard case .engine(let engine) = contestant else { return }
    let store = try engine.open(at: folder + "/store", settings)
    stores.add(store, contestant)
    counts[contestant.name] = RecordCount(sizes.ycsbRecords)
    try store.load(sizes.ycsbRecords, batch: 100) { number, key in
      Keys.setScattered(number, &key)
      return values[number]
    }
    try store.settle()
  }

  func finish() throws { try stores.closeAll() }

  private func rate(_ contestant: Contestant, _ mix: Mix) throws -> Double {
    seed += 1
    guard let count = counts[contestant.name] else { return 0 }
    let (store, values, seed) = (try stores[contestant], values, seed)
    let zipfian = ZipfianNumbers(sizes.ycsbRecords)
    let work = try ThreadTeam.run(Sizes.ycsbThreads, seconds: sizes.seconds) { thread, signal in
      var client = Client(
        session: try store.makeSession(), numbers: SeededNumbers(seed << 8 | thread), zipfian: zipfian,
        values: values)
      signal.begin()
      var operations = 0
      while !signal.isOver {
        try client.operate(mix, count)
        operations += 1
      }
      return operations
    }
    try store.settle()
    return work.rate
  }

  /// One thread's work.
  private struct Client {
    let session: any StoreSession
    var numbers: SeededNumbers
    let zipfian: ZipfianNumbers
    let values: Values
    var tally = Tally()
    var key = Keys.blank
    var writes = WriteSet(keys: [Keys.blank], values: [[]])

    mutating func operate(_ mix: Mix, _ records: RecordCount) throws {
      let dice = numbers.below(100)
      if dice < mix.inserts { return try write(records.value.add(1, ordering: .relaxed).oldValue) }
      let record = choose(mix, records)
      Keys.setScattered(record, &key)
      if dice < mix.inserts + mix.scans {
        try session.scan(from: key, limit: 1 + numbers.below(100)) { _, value in tally.add(value) }
      } else if dice < mix.inserts + mix.scans + mix.updates {
        try write(record)
      } else {
        try session.lend(key) { tally.add($0) }
        if dice >= mix.inserts + mix.scans + mix.updates + mix.reads { try write(record) }
      }
    }

    private mutating func choose(_ mix: Mix, _ records: RecordCount) -> Int {
      guard mix.isLatest else { return zipfian.scattered(&numbers) }
      return max(0, records.value.load(ordering: .relaxed) - 1 - zipfian.rank(&numbers))
    }

    private mutating func write(_ record: Int) throws {
      Keys.setScattered(record, &writes.keys[0])
      writes.values[0] = values[numbers.below(1024)]
      try session.commit(writes, durable: false)
    }
  }
}
