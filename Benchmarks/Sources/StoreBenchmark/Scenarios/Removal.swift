import BenchmarkKit
import Foundation
import Peers

/// Removing the middle half of a store by its range, and what the disk gets back.
final class Removal: Scenario {
  let settings: StoreSettings
  private let sizes: Sizes
  private let values = Values(bytes: Sizes.removalValueBytes, count: 1024)
  private var folders: [String: String] = [:]

  init(_ sizes: Sizes) {
    self.sizes = sizes
    settings = StoreSettings(memoryBytes: sizes.memoryBytes, hasLargeValues: true)
  }

  var cells: [ScenarioCell] {
    let section = "Removal"
    let time = Row(
      "removal", section: section, name: "remove half of \(sizes.removalKeys) keys by range, until settled",
      unit: "ms", greaterIsBetter: false)
    let space = Row(
      "removal-space", section: section, name: "what the disk got back once settled, of what was removed",
      unit: "%", note: "LMDB and SQLite keep the space for themselves.")
    let quiet = Row(
      "removal-space-quiet", section: section, name: "the same \(sizes.quietSeconds) s later", unit: "%",
      note: "Only Cairn, which gives space back while nobody asks for anything.")
    let engines = Engines.forReading.map { Contestant.engine($0) }
    return [
      ScenarioCell(rows: [time, space] + (sizes.quietSeconds > 0 ? [quiet] : []), contestants: engines) {
        contestant, recorder in
        try self.measure(contestant, &recorder)
      }
    ]
  }

  func prepare(_ contestant: Contestant, in folder: String) { folders[contestant.name] = folder }
  func finish() {}

  private func measure(_ contestant: Contestant, _ recorder: inout Recorder) throws {
    guard case .engine(let engine) = contestant, let folder = folders[contestant.name] else { return }
    let path = folder + "/store"
    let store = try engine.open(at: path, settings)
    try store.load(sizes.removalKeys, batch: 100, appends: true) { number, key in
      Keys.setAscending(number, &key)
      return values[number]
    }
    try store.settle()
    let before = try ScratchFolder.bytesOnDisk(path)
    let removed = sizes.removalKeys / 4..<sizes.removalKeys * 3 / 4
    let start = ContinuousClock.now
    try remove(removed, store)
    let call = (ContinuousClock.now - start) / .milliseconds(1)
    try store.settle()
    recorder.record((ContinuousClock.now - start) / .milliseconds(1), "removal")
    recorder.note(call, "ms of the call itself", "removal")
    func share() throws -> Double {
      200 * Double(before - (try ScratchFolder.bytesOnDisk(path))) / Double(before)
    }
    recorder.record(try share(), "removal-space")
    if contestant.isCairn && sizes.quietSeconds > 0 {
      sleep(UInt32(sizes.quietSeconds))
      recorder.record(try share(), "removal-space-quiet")
    }
    try check(removed, store)
    try store.close()
    try FileManager.default.removeItem(atPath: path)
  }

  private func remove(_ removed: Range<Int>, _ store: any BenchmarkStore) throws {
    try store.makeSession().removeAll(
      from: Keys.ascending(removed.lowerBound), to: Keys.ascending(removed.upperBound))
  }

  private func check(_ removed: Range<Int>, _ store: any BenchmarkStore) throws {
    var left = 0
    try store.makeSession().scan(from: [0], limit: .max) { _, _ in left += 1 }
    guard left == sizes.removalKeys - removed.count else {
      throw StoreFailure("\(left) entries are left of \(sizes.removalKeys)")
    }
  }
}
