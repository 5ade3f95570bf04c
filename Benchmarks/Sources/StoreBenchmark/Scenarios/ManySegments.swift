import BenchmarkKit
import CairnEngine
import CairnKV
import Foundation
import Peers

/// Opening a store of very many segments: what is read is to be in proportion to what the manifest says of them, not
/// to what is in them.
final class ManySegments: Scenario {
  let settings = StoreSettings(memoryBytes: 256 << 20)
  private let sizes: Sizes
  private var path: String?

  init(_ sizes: Sizes) { self.sizes = sizes }

  private static let segmentBytes = 4096

  var cells: [ScenarioCell] {
    let row = Row(
      "open-segments", section: "Opening", name: "open a store of \(sizes.segments) segments", unit: "ms",
      greaterIsBetter: false, targets: [Target(.absolute, 200)],
      note: "Until the first read is done. Segments of 4 KiB, which no store has that is not made for this.")
    let cairn = Engines.all.filter { $0 is CairnStoreEngine }.map { Contestant.engine($0) }
    return [
      ScenarioCell(rows: [row], contestants: cairn) { _, recorder in recorder.record(try self.open(), row.id)
      }
    ]
  }

  func prepare(_ contestant: Contestant, in folder: String) throws {
    let path = folder + "/store"
    var options = EngineOptions()
    options.segmentBytes = Self.segmentBytes
    options.valueThreshold = 1 << 31
    let engine = try Engine.open(at: path, options: options)
    // Incompressible, and one to a segment.
    var numbers = SeededNumbers(1)
    try engine.ingest(into: .all) { ingest in
      var key = Keys.blank
      for number in 0..<sizes.segments {
        Keys.setAscending(number, &key)
        let value = (0..<Self.segmentBytes / 8).flatMap { _ in
          Swift.withUnsafeBytes(of: numbers.next()) { [UInt8]($0) }
        }
        try ingest.append(key: key, value: value)
      }
    }
    try engine.close()
    self.path = path
  }

  func finish() {}

  private func open() throws -> Double {
    guard let path else { return 0 }
    var key = Keys.blank
    Keys.setAscending(sizes.segments / 2, &key)
    let start = ContinuousClock.now
    let engine = try Engine.open(at: path)
    let found = try engine.read { try $0.get(key) }
    let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
    let count = engine.statistics().space.segmentCount
    try engine.close()
    guard found != nil, count >= sizes.segments else {
      throw StoreFailure("there are \(count) segments instead of \(sizes.segments)")
    }
    return milliseconds
  }
}
