import BenchmarkKit
import Foundation
import Peers

/// Opening a store whose process was killed after many small commits, none of which has left the log; and opening one
/// that holds nothing.
final class Reopening: Scenario {
  let settings: StoreSettings
  private let sizes: Sizes
  private var folders: [String: String] = [:]

  init(_ sizes: Sizes) {
    self.sizes = sizes
    settings = Self.settings
  }

  /// As much memory as it takes for all commits to stay in one write buffer of 64 MiB.
  private static let settings = StoreSettings(memoryBytes: 1 << 30)

  var cells: [ScenarioCell] {
    let engines = Engines.forReading.map { Contestant.engine($0) }
    let killed = Row(
      "reopen", section: "Opening", name: "reopen after a kill, \(sizes.reopenedCommits) commits in the log",
      unit: "ms", greaterIsBetter: false,
      targets: [Target(.subject("LevelDB"), 5), Target(.subject("RocksDB"), 5), Target(.absolute, 150)],
      note: "Until the first read is done. LMDB has no log.", isMain: true)
    let empty = Row(
      "open-empty", section: "Opening", name: "open an empty store", unit: "ms", greaterIsBetter: false)
    let emptyBytes = Row(
      "empty-bytes", section: "Opening", name: "an empty store on disk", unit: "KiB", greaterIsBetter: false)
    return [
      ScenarioCell(rows: [killed], contestants: engines) { contestant, recorder in
        recorder.record(try self.reopen(contestant), killed.id)
      },
      ScenarioCell(rows: [empty, emptyBytes], contestants: engines) { contestant, recorder in
        let (milliseconds, bytes) = try self.openEmpty(contestant)
        recorder.record(milliseconds, empty.id)
        recorder.record(Double(bytes) / 1024, emptyBytes.id)
      },
    ]
  }

  func prepare(_ contestant: Contestant, in folder: String) throws {
    guard case .engine(let engine) = contestant else { return }
    folders[contestant.name] = folder
    try ChildProcess.runAndKill(
      .fillForReopening, engine, folder + "/killed", [Double(sizes.reopenedCommits)])
  }

  func finish() {}

  /// In the child.
  static func fillAndWait(_ engine: any StoreEngine, _ path: String, _ commits: Int) throws {
    let store = try engine.open(at: path, settings)
    let values = Values(bytes: Sizes.reopenedValueBytes)
    try store.load(commits, batch: 1) { number, key in
      Keys.setScattered(number, &key)
      return values[number]
    }
    // Some keep the last of the log in memory of their own until then.
    try store.synchronize()
    FileHandle.standardOutput.write(Data("filled\n".utf8))
    while true { sleep(60) }
  }

  /// Each round opens a copy of what the killed process left.
  private func reopen(_ contestant: Contestant) throws -> Double {
    guard case .engine(let engine) = contestant, let folder = folders[contestant.name] else { return 0 }
    let path = folder + "/copy"
    try FileManager.default.copyItem(atPath: folder + "/killed", toPath: path)
    sync()
    var key = Keys.blank
    Keys.setScattered(sizes.reopenedCommits / 2, &key)
    var tally = Tally()
    let start = ContinuousClock.now
    let store = try engine.open(at: path, settings)
    try first(store, key, &tally)
    let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
    for number in [0, sizes.reopenedCommits - 1] {
      Keys.setScattered(number, &key)
      try first(store, key, &tally)
    }
    try store.close()
    try FileManager.default.removeItem(atPath: path)
    guard tally.found == 3 else { throw StoreFailure("\(contestant.name) has lost commits") }
    return milliseconds
  }

  private func first(_ store: any BenchmarkStore, _ key: [UInt8], _ tally: inout Tally) throws {
    try store.makeSession().lend(key) { tally.add($0) }
  }

  private func openEmpty(_ contestant: Contestant) throws -> (milliseconds: Double, bytes: Int) {
    guard case .engine(let engine) = contestant, let folder = folders[contestant.name] else { return (0, 0) }
    let path = folder + "/empty"
    if !FileManager.default.fileExists(atPath: path) { try engine.open(at: path, settings).close() }
    var times: [Double] = []
    for _ in 0..<5 {
      let start = ContinuousClock.now
      let store = try engine.open(at: path, settings)
      times.append((ContinuousClock.now - start) / .milliseconds(1))
      try store.close()
    }
    return (Statistics.median(times) ?? 0, try ScratchFolder.bytesOnDisk(path))
  }
}
