import BenchmarkKit
import Foundation
import Peers

/// One durable commit of a blob and of three keys of an index, as a workflow's checkpoint is.
final class Checkpoints: Scenario {
  let settings: StoreSettings
  private let sizes: Sizes
  private let stores = OpenStores()
  private var limits: [String: PhysicalLimit] = [:]
  private var number = 0

  init(_ sizes: Sizes) {
    self.sizes = sizes
    settings = StoreSettings(
      memoryBytes: sizes.durableMemoryBytes, hasLargeValues: true, isWrittenOn: true)
  }

  private static let indexKeys = 3
  private static let indexValueBytes = 16

  var cells: [ScenarioCell] {
    let contestants =
      Engines.all.map { Contestant.engine($0) } + Contestant.LimitPath.allCases.map { .limit($0) }
    return zip(Sizes.blobBytes, [1.2, 1.8, 2.0]).map { blob, best in
      let row = Row(
        "checkpoint-\(blob.0)", section: "Durable commits",
        name: "checkpoint: blob of \(blob.1 >> 10) KiB and three keys", unit: "/s",
        targets: [Target(.bestPeer, best), Target(.limit, 0.85)],
        note: "What is left in memory is flushed after the cell, and not counted.", isMain: true)
      let blobs = Values(bytes: blob.1, count: 8)
      return ScenarioCell(rows: [row], contestants: contestants) { contestant, recorder in
        recorder.record(
          try self.rate(contestant, blobs, commits: self.sizes.checkpointBytes / blob.1), row.id)
      }
    }
  }

  func prepare(_ contestant: Contestant, in folder: String) throws {
    switch contestant {
    case .engine(let engine):
      let store = try engine.open(at: folder + "/store", settings)
      stores.add(store, contestant)
      let old = Values(bytes: 64 << 10, count: 16)
      try store.load(sizes.ageingBytes >> 16, batch: 1) { number, key in
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

  private func rate(_ contestant: Contestant, _ blobs: Values, commits: Int) throws -> Double {
    number += 1
    let first = number << 24
    if case .limit = contestant {
      guard let limit = limits[contestant.name] else { return 0 }
      let overhead = (1 + Self.indexKeys) * Sizes.keyBytes + Self.indexKeys * Self.indexValueBytes
      let bytes = blobs[0] + [UInt8](repeating: 7, count: overhead)
      return try ThreadTeam.run(1, seconds: sizes.seconds) { _, signal in
        signal.begin()
        var count = 0
        while !signal.isOver && count < commits {
          try limit.write(bytes)
          count += 1
        }
        return count
      }.rate
    }
    let store = try stores[contestant]
    let work = try ThreadTeam.run(1, seconds: sizes.seconds) { _, signal in
      let session = try store.makeSession()
      let small = [UInt8](repeating: 7, count: Self.indexValueBytes)
      var writes = WriteSet(
        keys: Array(repeating: Keys.blank, count: 1 + Self.indexKeys),
        values: Array(repeating: small, count: 1 + Self.indexKeys))
      var number = first
      signal.begin()
      var count = 0
      while !signal.isOver && count < commits {
        // Blobs one after the other, as a run's states are; the index in no order.
        Keys.setAscending(number, &writes.keys[0])
        writes.values[0] = blobs[number]
        for index in 1...Self.indexKeys { Keys.setScattered(number << 2 | index, &writes.keys[index]) }
        try session.commit(writes, durable: true)
        number += 1
        count += 1
      }
      return count
    }
    try store.settle()
    return work.rate
  }
}
