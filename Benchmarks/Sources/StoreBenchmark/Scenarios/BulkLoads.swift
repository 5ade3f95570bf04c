import BenchmarkKit
import CairnEngine
import CairnKV
import Foundation
import Peers

/// Loading entries of 128 bytes, not synced one by one: until all are durable, and until nothing is left to be done.
final class BulkLoads: Scenario {
  let settings: StoreSettings
  private let sizes: Sizes
  private let values = Values(bytes: Sizes.valueBytes)
  private var folders: [String: String] = [:]

  init(_ sizes: Sizes) {
    self.sizes = sizes
    settings = StoreSettings(memoryBytes: sizes.memoryBytes)
  }

  private struct Kind {
    var id: String
    var name: String
    var isScattered: Bool
    var batch: Int
    var keys: Int
    var targets: [Target]
  }

  private var kinds: [Kind] {
    let batch = Sizes.batchEntries
    return [
      Kind(
        id: "load-sequential", name: "sequential, batches of 1,000", isScattered: false, batch: batch,
        keys: sizes.loadedKeys, targets: [Target(.subject("LMDB"), 1.0)]),
      Kind(
        id: "load-random", name: "random, batches of 1,000", isScattered: true, batch: batch,
        keys: sizes.loadedKeys, targets: [Target(.bestPeer, 1.2)]),
      Kind(
        id: "load-sequential-single", name: "sequential, one by one", isScattered: false, batch: 1,
        keys: sizes.singlyLoadedKeys, targets: []),
      Kind(
        id: "load-random-single", name: "random, one by one", isScattered: true, batch: 1,
        keys: sizes.singlyLoadedKeys, targets: []),
    ]
  }

  private static let section = "Bulk load"

  var cells: [ScenarioCell] {
    kinds.map { kind in
      var rows = [
        Row(
          kind.id, section: Self.section, name: "load \(kind.name), until durable", unit: "/s",
          note: "\(kind.keys) entries of 16 + 112 bytes, synced once at the end."),
        Row(
          kind.id + "-settled", section: Self.section, name: "load \(kind.name), until settled", unit: "/s",
          targets: kind.targets, note: "The same with all flushes, compactions and checkpoints that follow.",
          isMain: kind.batch > 1),
      ]
      if kind.id == "load-random" {
        rows += [
          Row(
            "load-random-written", section: Self.section, name: "bytes written a byte loaded, random",
            unit: "B/B", greaterIsBetter: false, targets: [Target(.subject("RocksDB"), 1.0)],
            note: "Handed to write calls until settled."),
          Row(
            "load-random-space", section: Self.section, name: "bytes on disk a byte loaded, random",
            unit: "B/B",
            greaterIsBetter: false, note: "Once settled. The values compress to about half."),
        ]
      }
      var contestants = Engines.all.map { Contestant.engine($0) }
      if kind.id == "load-sequential" { contestants.insert(.ingest, at: 1) }
      return ScenarioCell(rows: rows, contestants: contestants) { contestant, recorder in
        try self.measure(kind, contestant, &recorder)
      }
    }
  }

  func prepare(_ contestant: Contestant, in folder: String) { folders[contestant.name] = folder }
  func finish() {}

  private func measure(_ kind: Kind, _ contestant: Contestant, _ recorder: inout Recorder) throws {
    guard let folder = folders[contestant.name] else { return }
    let path = folder + "/store"
    let engine: any StoreEngine =
      if case .engine(let engine) = contestant { engine } else { CairnStoreEngine() }
    let store = try engine.open(at: path, settings)
    let writtenBefore = ProcessFacts.writtenBytes
    let start = ContinuousClock.now
    if case .ingest = contestant { try ingest(kind, store) } else { try load(kind, store) }
    try store.synchronize()
    let durable = (ContinuousClock.now - start) / .seconds(1)
    try store.settle()
    let settled = (ContinuousClock.now - start) / .seconds(1)
    let loaded = Double(kind.keys * (Sizes.keyBytes + Sizes.valueBytes))
    let written = Double(ProcessFacts.writtenBytes - writtenBefore) / loaded
    let space = Double(try ScratchFolder.bytesOnDisk(path)) / loaded
    try store.close()
    try FileManager.default.removeItem(atPath: path)
    recorder.record(Double(kind.keys) / durable, kind.id)
    recorder.record(Double(kind.keys) / settled, kind.id + "-settled")
    recorder.note((settled - durable) * 1000, "ms to settle", kind.id)
    recorder.note(written, "bytes written a byte loaded", kind.id)
    recorder.note(space, "bytes on disk a byte loaded", kind.id)
    if kind.id == "load-random" {
      recorder.record(written, "load-random-written")
      recorder.record(space, "load-random-space")
    }
  }

  private func load(_ kind: Kind, _ store: any BenchmarkStore) throws {
    try store.load(kind.keys, batch: kind.batch, appends: !kind.isScattered) { number, key in
      if kind.isScattered { Keys.setScattered(number, &key) } else { Keys.setAscending(number, &key) }
      return values[number]
    }
  }

  private func ingest(_ kind: Kind, _ store: any BenchmarkStore) throws {
    guard let store = store as? CairnStore else { throw StoreFailure("only Cairn ingests") }
    // From the first byte on, so that the marker of `synchronize` lies outside.
    try store.engine.ingest(into: KeyRange(from: [0], to: nil)) { ingest in
      var key = Keys.blank
      for number in 0..<kind.keys {
        Keys.setAscending(number, &key)
        try ingest.append(key: key, value: values[number])
      }
    }
  }
}
