import BenchmarkKit
import Foundation
import Peers

/// One thread commits durably, another reads: each alone, then both.
final class BesideWriter: Scenario {
  let settings: StoreSettings
  private let sizes: Sizes
  private let stores = OpenStores()
  private let values = Values(bytes: Sizes.durableValueBytes)
  private var cellNumber = 0

  init(_ sizes: Sizes) {
    self.sizes = sizes
    settings = StoreSettings(memoryBytes: sizes.durableMemoryBytes, isWrittenOn: true)
  }

  private enum Part { case writer, reader }

  var cells: [ScenarioCell] {
    func row(_ id: String, _ name: String, _ targets: [Target] = []) -> Row {
      Row(id, section: "A reader beside a durable writer", name: name, unit: "/s", targets: targets)
    }
    return [
      cell([row("beside-writer-alone", "the writer alone")], [.writer]),
      cell([row("beside-reader-alone", "the reader alone")], [.reader]),
      cell(
        [
          row("beside-writer", "the writer beside the reader", [Target(.row("beside-writer-alone"), 0.9)]),
          row("beside-reader", "the reader beside the writer", [Target(.row("beside-reader-alone"), 0.9)]),
        ], [.writer, .reader]),
    ]
  }

  private func cell(_ rows: [Row], _ parts: [Part]) -> ScenarioCell {
    ScenarioCell(rows: rows, contestants: Engines.forReading.map { .engine($0) }) { contestant, recorder in
      let work = try self.run(contestant, parts)
      for (thread, row) in rows.enumerated() { recorder.record(work.rate(ofThread: thread), row.id) }
    }
  }

  func prepare(_ contestant: Contestant, in folder: String) throws {
    guard case .engine(let engine) = contestant else { return }
    let store = try engine.open(at: folder + "/store", settings)
    stores.add(store, contestant)
    try store.load(sizes.keysBesideWriter) { number, key in
      Keys.setScattered(number, &key)
      return values[number]
    }
    try store.settle()
  }

  func finish() throws { try stores.closeAll() }

  private func run(_ contestant: Contestant, _ parts: [Part]) throws -> ThreadTeam.Work {
    cellNumber += 1
    let (store, cell, values, keys) = (try stores[contestant], cellNumber, values, sizes.keysBesideWriter)
    let work = try ThreadTeam.run(parts.count, seconds: sizes.seconds) { thread, signal in
      let session = try store.makeSession()
      return switch parts[thread] {
      case .writer: try Self.write(session, from: cell << 32, values, signal)
      case .reader: try Self.read(session, keys, seed: cell, signal)
      }
    }
    try store.settle()
    return work
  }

  private static func write(
    _ session: any StoreSession, from first: Int, _ values: Values, _ signal: ThreadTeam.Signal
  ) throws -> Int {
    var writes = WriteSet(keys: [Keys.blank], values: [[]])
    signal.begin()
    var count = 0
    while !signal.isOver {
      Keys.setScattered(first + count, &writes.keys[0])
      writes.values[0] = values[count]
      try session.commit(writes, durable: true)
      count += 1
    }
    return count
  }

  private static func read(
    _ session: any StoreSession, _ keys: Int, seed: Int, _ signal: ThreadTeam.Signal
  ) throws -> Int {
    var numbers = SeededNumbers(seed)
    var tally = Tally()
    var key = Keys.blank
    signal.begin()
    var count = 0
    while !signal.isOver {
      Keys.setScattered(numbers.below(keys), &key)
      try session.lend(key) { tally.add($0) }
      count += 1
    }
    if tally.found != count { throw StoreFailure("the reader has not found what is there") }
    return count
  }
}
