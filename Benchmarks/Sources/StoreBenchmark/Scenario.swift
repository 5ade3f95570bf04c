import BenchmarkKit
import Foundation
import Peers

/// Rows that share their stores: these are filled once a run, and then measured round by round, one subject after the
/// other, each row by itself.
protocol Scenario: AnyObject {
  /// What all subjects' stores are opened with.
  var settings: StoreSettings { get }
  /// What is measured, in order. A cell may fill several rows.
  var cells: [ScenarioCell] { get }
  /// Fills a subject's store, before the first round.
  func prepare(_ contestant: Contestant, in folder: String) throws
  /// Lets go of everything.
  func finish() throws
}

/// What is measured at once.
struct ScenarioCell {
  var rows: [Row]
  var contestants: [Contestant]
  /// Whether the disk has a part in it, so that it should be rested.
  var needsDisk = true
  /// Measures one subject once.
  var measure: (Contestant, inout Recorder) throws -> Void
}

/// Takes the values of one cell in one round.
struct Recorder {
  private(set) var results: Results
  let subject: Subject.Name
  let round: Int

  init(_ results: Results, subject: Subject.Name, round: Int) {
    self.results = results
    self.subject = subject
    self.round = round
  }

  mutating func record(_ value: Double, _ row: Row.ID) {
    results.record(value, row: row, subject: subject, round: round)
    let text = String(format: value < 100 ? "%.2f" : "%.0f", value)
    Progress.say("  \(row) \(subject): \(text) \(results.row(row)?.unit ?? "")")
  }

  mutating func note(_ value: Double, _ what: String, _ row: Row.ID) {
    results.note(value, what, row: row, subject: subject, round: round)
  }
}

/// Lines for whoever waits.
enum Progress {
  static func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}

/// The stores of a scenario, by their subjects' names.
final class OpenStores {
  private var stores: [String: any BenchmarkStore] = [:]

  subscript(_ contestant: Contestant) -> any BenchmarkStore {
    get throws {
      guard let store = stores[contestant.name] else {
        throw StoreFailure("\(contestant.name) was not prepared")
      }
      return store
    }
  }

  func add(_ store: any BenchmarkStore, _ contestant: Contestant) { stores[contestant.name] = store }

  func closeAll() throws {
    for store in stores.values { try store.close() }
    stores = [:]
  }
}

extension BenchmarkStore {
  /// Commits `count` entries in batches of 1,000, not synced, which `fill` makes by their number.
  func load(
    _ count: Int, batch: Int = Sizes.batchEntries, appends: Bool = false,
    _ fill: (Int, inout [UInt8]) -> [UInt8]
  ) throws {
    let session = try makeSession()
    var writes = WriteSet(
      keys: Array(repeating: Keys.blank, count: batch), values: Array(repeating: [], count: batch))
    writes.appends = appends
    var number = 0
    while number < count {
      if count - number < batch {
        writes.keys.removeLast(batch - (count - number))
        writes.values.removeLast(batch - (count - number))
      }
      for index in 0..<writes.count {
        writes.values[index] = fill(number, &writes.keys[index])
        number += 1
      }
      try session.commit(writes, durable: false)
    }
  }
}
