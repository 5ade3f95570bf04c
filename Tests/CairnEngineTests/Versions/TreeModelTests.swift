import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// A whole tree of tiny memtables and segments against a dictionary: flushes and compactions run all the
/// time, and every snapshot that is kept must go on seeing what it saw.
@Suite struct TreeModelTests {
  private struct Kept {
    var snapshot: EngineSnapshot
    var model: OrderedModel
  }

  private static func options(_ random: inout SeededGenerator) -> EngineOptions {
    var options = EngineOptions()
    options.memtableBytes = [4096, 8192, 20_000][random.below(3)]
    options.segmentBytes = [4096, 10_000][random.below(2)]
    options.valueThreshold = [64, 2048][random.below(2)]
    options.compressionLevel = random.isHit(oneIn: 2) ? 1 : nil
    return options
  }

  private static func key(_ random: inout SeededGenerator) -> [UInt8] {
    [UInt8(random.below(6)), UInt8(random.below(20))] + (random.isHit(oneIn: 5) ? [0] : [])
  }

  private static func range(_ random: inout SeededGenerator) -> KeyRange {
    let bounds = [key(&random), key(&random)].sorted { $0.lexicographicallyPrecedes($1) }
    return KeyRange(
      from: random.isHit(oneIn: 8) ? [] : bounds[0], to: random.isHit(oneIn: 8) ? nil : bounds[1])
  }

  @Test(arguments: [1, 2] as [UInt64], [true, false])
  func everySnapshotKeepsSeeingWhatItSaw(seed: UInt64, isThreaded: Bool) throws {
    var random = SeededGenerator(seed: seed)
    let disk = SimulatedFileSystem()
    let environment: Environment = isThreaded ? .threaded(disk) : .simulated(disk, seed: seed)
    var model = OrderedModel()
    for life in 0..<2 {
      let engine = try Engine.open(at: "/store", options: Self.options(&random), environment: environment)
      try Self.check(engine.all(), model, seed, "after opening \(life)")
      var kept: [Kept] = []
      for step in 0..<160 {
        try engine.write(random.isHit(oneIn: 3) ? .durable : .buffered) { batch in
          for _ in 0..<1 + random.below(6) {
            switch random.below(14) {
            case 0:
              let range = Self.range(&random)
              try batch.remove(range)
              model.remove(range)
            case 1, 2:
              let key = Self.key(&random)
              try batch.remove(key)
              model.set(key, to: nil)
            default:
              let key = Self.key(&random)
              let value = [UInt8](repeating: UInt8(step), count: random.below(120))
              try batch.set(key, to: value)
              model.set(key, to: value)
            }
          }
        }
        if random.isHit(oneIn: 20) { kept.append(Kept(snapshot: try engine.snapshot(), model: model)) }
        if kept.count > 3 || random.isHit(oneIn: 40), !kept.isEmpty {
          kept.remove(at: random.below(kept.count))
        }
        if random.isHit(oneIn: 12) {
          try engine.read { try Self.compare($0, model, &random, seed) }
          for one in kept { try Self.compare(one.snapshot, one.model, &random, seed) }
        }
      }
      for one in kept { try Self.check(one.snapshot.entries(in: .all), one.model, seed, "a snapshot") }
      kept = []
      try engine.close()
    }
    let directory = StoreDirectory(path: "/store", fileSystem: disk)
    let state = try #require(try Manifest.load(from: directory))
    #expect(try LivenessCheck.complaint(about: state, in: directory) == nil, "seed \(seed)")
    #expect(state.levels.dropFirst().contains { !$0.isEmpty }, "nothing was compacted")
  }

  private static func check(
    _ found: [KeyValue], _ model: OrderedModel, _ seed: UInt64, _ what: String
  ) throws {
    try #require(found == model.entries, "seed \(seed), \(what)")
  }

  private static func compare(
    _ reader: any KeyValueReader, _ model: OrderedModel, _ random: inout SeededGenerator, _ seed: UInt64
  ) throws {
    for _ in 0..<6 {
      let range = Self.range(&random)
      let expected = model.entries(in: range)
      try #require(try reader.entries(in: range) == expected, "seed \(seed)")
      try #require(try reader.entries(in: range, .descending) == expected.reversed(), "seed \(seed)")
      try #require(try reader.lentEntries(in: range) == expected, "seed \(seed)")
      try #require(try reader.lentEntries(in: range, .descending) == expected.reversed(), "seed \(seed)")
      try #require(try reader.first(in: range) == expected.first, "seed \(seed)")
      try #require(try reader.last(in: range) == expected.last, "seed \(seed)")
      let key = Self.key(&random)
      try #require(try reader.get(key) == model.values[key], "seed \(seed)")
      try #require(try reader.lent(key) == model.values[key], "seed \(seed)")
    }
  }
}
