import BenchmarkKit
import Foundation

/// Results made by hand.
enum Samples {
  static let machine = Machine(
    processor: "Processor <1> & \"2\"", cores: 2, memoryBytes: 8 << 30, system: "System", kernel: "Kernel 1",
    fileSystem: "ext4 on disk,rw", compiler: "Swift 6")

  static func results(_ name: String = "store", isQuick: Bool = false) -> Results {
    var results = Results(
      name, command: "make bench", isQuick: isQuick, machine: machine,
      date: Date(timeIntervalSince1970: 1_790_000_000))
    results.add(Subject("Cairn", .ours, version: "1", configuration: "as it comes"))
    results.add(Subject("RocksDB", .peer, version: "7.8.3", configuration: "a cache of 128 MiB"))
    results.add(Subject("LMDB", .peer, version: "0.9"))
    results.add(Subject("RocksDB recycled logs", .weakerPeer, version: "7.8.3"))
    results.add(Subject("limit buffered", .limit))
    results.add(Subject("limit direct", .limit))
    return results
  }

  /// Three rounds of a row in which greater is better, and two in which less is.
  static func measured() -> Results {
    var results = Self.results()
    results.add(
      Row(
        "put", section: "Commits", name: "durable put", unit: "/s",
        targets: [
          Target(.bestPeer, 1.1), Target(.limit, 0.9), Target(.subject("LMDB"), 3),
          Target(.subject("Nobody"), 1),
        ], note: "Nothing is left out.", isMain: true))
    results.add(
      Row(
        "open", section: "Opening", name: "reopen", unit: "ms", greaterIsBetter: false,
        targets: [Target(.absolute, 150), Target(.bestPeer, 5)]))
    results.add(
      Row(
        "open-again", section: "Opening", name: "reopen again", unit: "ms", greaterIsBetter: false,
        targets: [Target(.row("open"), 0.9)]))
    for (row, subject, values) in [
      ("put", "Cairn", [110.0, 220, 440]), ("put", "RocksDB", [100, 200, 400]),
      ("put", "LMDB", [50, 50, 50]),
      ("put", "RocksDB recycled logs", [1000, 1000, 1000]), ("put", "limit buffered", [90, 180, 360]),
      ("put", "limit direct", [100, 250, 500]), ("open", "Cairn", [100, 110, 120]),
      ("open", "RocksDB", [400, 400, 480]), ("open-again", "Cairn", [100, 100, 100]),
    ] {
      for (index, value) in values.enumerated() {
        results.record(value, row: row, subject: subject, round: index + 1)
      }
    }
    results.note(1.5, "bytes on disk / user byte", row: "put", subject: "Cairn", round: 1)
    results.skip("Redis", because: "it is not installed")
    return results
  }

  /// Costs at three sizes.
  static func scaling() -> Results {
    var results = Self.results("scaling")
    for keys in [100_000, 1_000_000, 10_000_000] {
      let row = Row(
        "get-\(keys)", section: "Scaling", name: "get, \(keys) keys", unit: "/s",
        scaling: Scaling("point get", keys: keys))
      results.add(row)
      results.record(1e11 / Double(keys), row: row.id, subject: "Cairn", round: 1)
      results.record(1e10 / Double(keys), row: row.id, subject: "LMDB", round: 1)
    }
    return results
  }
}
