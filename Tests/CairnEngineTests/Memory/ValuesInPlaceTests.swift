import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// Large values are kept where the commit's frame was put together.
@Suite struct ValuesInPlaceTests {
  /// Commits of all mixes of small and large values: each is read as it was written, at once, when the buffer has
  /// been used for others, after the flush, and after reopening.
  @Test(arguments: 1...6 as ClosedRange<UInt64>) func valuesStayAsTheyWere(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let files = SimulatedFileSystem()
    var options = EngineOptions()
    options.memoryLimit = 32 << 20
    options.memtableBytes = 3 << 20
    var model: [[UInt8]: [UInt8]] = [:]
    let environment = { Environment.simulated(files, seed: seed) }
    var engine = try Engine.open(at: "/store", options: options, environment: environment())
    func check(_ engine: Engine) throws {
      for (key, value) in model {
        let isSame = try engine.read { try $0.get(key) } == value
        #expect(isSame, "seed \(seed), a value of \(value.count) bytes")
      }
    }
    for round in 0..<60 {
      let commit = { (batch: inout WriteBatch) throws in
        for _ in 0...random.below(4) {
          let size = [10, 4095, 4096, 20_000, 32_768, 40_000, 300_000][random.below(7)]
          let key = [UInt8(random.below(30))]
          let value = [UInt8](repeating: UInt8(truncatingIfNeeded: round * 7 + size), count: size)
          try batch.set(key, to: value)
          model[key] = value
        }
      }
      if random.isHit(oneIn: 2) {
        try engine.write(.durable, commit)
      } else {
        // What it wrote itself is seen before the commit.
        try engine.transact { transaction in
          let key = [UInt8(200)]
          let value = [UInt8](repeating: UInt8(round), count: 70_000)
          try transaction.set(key, to: value)
          #expect(try transaction.get(key) == value)
          try transaction.set([201], to: [UInt8(round)])
          #expect(try transaction.get([201]) == [UInt8(round)])
          model[key] = value
          model[[201]] = [UInt8(round)]
        }
      }
      if round % 10 == 9 { try check(engine) }
      #expect(engine.accountedBytes <= options.memoryLimit)
    }
    try engine.close()
    engine = try Engine.open(at: "/store", options: options, environment: environment())
    try check(engine)
    try engine.close()
  }

  /// A group that comes to nothing leaves no memory behind.
  @Test func conflictsKeepNothing() throws {
    let engine = try Engine.open(
      at: "/store", environment: .simulated(SimulatedFileSystem(), seed: 1))
    try engine.write { try $0.set([1], to: [1]) }
    let before = engine.accountedBytes
    var runs = 0
    let value = [UInt8](repeating: 1, count: 1 << 20)
    try engine.transact { transaction in
      runs += 1
      _ = try transaction.get([1])
      if runs <= 5 { try engine.write { try $0.set([1], to: [UInt8(runs)]) } }
      try transaction.set([2], to: value)
    }
    #expect(runs == 6)
    #expect(engine.accountedBytes - before < 3 << 20)
    try engine.close()
  }
}
