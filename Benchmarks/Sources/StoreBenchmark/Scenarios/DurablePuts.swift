import BenchmarkKit
import CPhysicalLimit
import CairnEngine
import CairnKV
import Foundation
import Peers

/// Commits of one value of 256 bytes each, on the disk when they return, by 1, 8 and 64 threads; and by 1,000 tasks.
///
/// What they leave in memory and logs is flushed between the cells, outside of the time.
final class DurablePuts: Scenario {
  let settings: StoreSettings
  private let sizes: Sizes
  private let stores = OpenStores()
  private var limits: [String: PhysicalLimit] = [:]
  private let values = Values(bytes: Sizes.durableValueBytes)
  /// So that no two cells write the same keys.
  private var cellNumber = 0

  init(_ sizes: Sizes) {
    self.sizes = sizes
    settings = StoreSettings(memoryBytes: sizes.durableMemoryBytes, isWrittenOn: true)
  }

  private static let deferred = "What is left in memory is flushed after the cell, and not counted."

  var cells: [ScenarioCell] {
    let engines = Engines.all.map { Contestant.engine($0) }
    let limits = Contestant.LimitPath.allCases.map { Contestant.limit($0) }
    let targets: [(Int, [Target])] = [
      (1, [Target(.limit, 0.9), Target(.bestPeer, 1.1)]),
      (8, [Target(.bestPeer, 1.3), Target(.limit, 0.85)]),
      (64, [Target(.bestPeer, 1.3), Target(.limit, 0.85)]),
    ]
    let rows = targets.map { threads, targets in
      Row(
        "durable-put-\(threads)", section: "Durable commits",
        name: "durable put 256 B, \(threads) thread\(threads == 1 ? "" : "s")", unit: "/s",
        targets: targets, note: Self.deferred, isMain: true)
    }
    let tasks = Row(
      "durable-put-tasks", section: "Durable commits", name: "durable put 256 B, 1,000 tasks", unit: "/s",
      targets: [Target(.row("durable-put-64"), 0.9)],
      note: "Only Cairn has commits that wait without a thread.")
    return zip(targets, rows).map { target, row in
      ScenarioCell(rows: [row], contestants: engines + limits) { contestant, recorder in
        recorder.record(try self.rate(contestant, threads: target.0), row.id)
      }
    } + [
      ScenarioCell(rows: [tasks], contestants: [.engine(CairnStoreEngine())]) { contestant, recorder in
        let (rate, threads) = try self.rateOfTasks(contestant)
        recorder.record(rate, tasks.id)
        recorder.note(Double(threads), "threads of the process", tasks.id)
      }
    ]
  }

  func prepare(_ contestant: Contestant, in folder: String) throws {
    switch contestant {
    case .engine(let engine):
      let store = try engine.open(at: folder + "/store", settings)
      stores.add(store, contestant)
      let old = Values(bytes: 1000)
      try store.load(sizes.ageingBytes / 1024, batch: 100) { number, key in
        Keys.setScattered(-1 - number, &key)
        return old[number]
      }
      try store.settle()
    case .limit(let path):
      limits[contestant.name] = try PhysicalLimit(folder + "/file", path, bytes: 16 << 20)
    case .ingest, .processor: break
    }
  }

  func finish() throws {
    try stores.closeAll()
    limits = [:]
  }

  private func rate(_ contestant: Contestant, threads: Int) throws -> Double {
    cellNumber += 1
    let (cell, values) = (cellNumber, values)
    if case .limit = contestant {
      guard let limit = limits[contestant.name] else { return 0 }
      return try ThreadTeam.run(threads, seconds: sizes.seconds) { thread, signal in
        // A key, a value, and nothing else.
        let bytes = Keys.ascending(thread) + values[thread]
        signal.begin()
        var count = 0
        while !signal.isOver {
          try threads == 1 ? limit.write(bytes) : limit.commit(bytes)
          count += 1
        }
        return count
      }.rate
    }
    let store = try stores[contestant]
    let work = try ThreadTeam.run(threads, seconds: sizes.seconds) { thread, signal in
      let session = try store.makeSession()
      var writes = WriteSet(keys: [Keys.blank], values: [[]])
      var number = cell << 32 | thread << 24
      signal.begin()
      var count = 0
      while !signal.isOver {
        Keys.setScattered(number, &writes.keys[0])
        writes.values[0] = values[number]
        try session.commit(writes, durable: true)
        number += 1
        count += 1
      }
      return count
    }
    try store.settle()
    return work.rate
  }

  private func rateOfTasks(_ contestant: Contestant) throws -> (rate: Double, threads: Int) {
    guard let store = try stores[contestant] as? CairnStore else { return (0, 0) }
    cellNumber += 1
    let (engine, cell, values, seconds) = (store.engine, cellNumber, values, sizes.seconds)
    let measured = try TaskWait.result {
      try await Self.commitByTasks(engine, cell, values, seconds)
    }
    try store.settle()
    return measured ?? (0, 0)
  }

  @concurrent
  private static func commitByTasks(
    _ engine: Engine, _ cell: Int, _ values: Values, _ seconds: Double
  ) async throws -> (rate: Double, threads: Int) {
    let start = ContinuousClock.now
    let end = start + .seconds(seconds)
    async let threads = threadsHalfway(seconds)
    let total = try await withThrowingTaskGroup(of: Int.self) { group in
      for task in 0..<Sizes.tasks {
        group.addTask {
          var number = cell << 32 | task << 20
          var key = Keys.blank
          var count = 0
          while ContinuousClock.now < end {
            Keys.setScattered(number, &key)
            let (key, value) = (key, values[number])
            try await engine.write { try $0.set(key, to: value) }
            number += 1
            count += 1
          }
          return count
        }
      }
      return try await group.reduce(0, +)
    }
    let elapsed = (ContinuousClock.now - start) / .seconds(1)
    return (Double(total) / elapsed, try await threads)
  }

  private static func threadsHalfway(_ seconds: Double) async throws -> Int {
    try await Task.sleep(for: .seconds(seconds / 2))
    return ProcessFacts.threads
  }
}
