import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// One limit for memtables, blocks, indexes, filters and open files.
@Suite struct MemoryLimitTests {
  @Test func theLimitHoldsWhileMoreIsReadThanFits() throws {
    var random = SeededGenerator(seed: 11)
    let files = SimulatedFileSystem()
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.segmentBytes = 128 << 10
    options.valueThreshold = 1024
    options.compressionLevel = nil
    options.openFileLimit = 16
    let engine = try Engine.open(at: "/store", options: options, environment: .simulated(files, seed: 11))
    func key(_ number: Int) -> [UInt8] { Tuple("key", .integer(Int64(number))).encoded() }
    let count = 12_000
    for first in stride(from: 0, to: count, by: 100) {
      try engine.write(.buffered) { batch in
        for _ in first..<first + 100 {
          let number = random.below(count)
          let length = random.isHit(oneIn: 4) ? 1024 + random.below(3000) : random.below(900)
          try batch.set(key(number), to: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: length))
        }
      }
      #expect(engine.accountedBytes <= options.memoryLimit)
    }
    #expect(try files.list("/store").filter { $0.hasSuffix(".segment") }.count > 16)
    #expect(try files.list("/store").filter { $0.hasSuffix(".values") }.count > 2)
    var greatest = 0
    for _ in 0..<4000 {
      let number = random.below(count)
      if let value = try engine.lent(key(number)) {
        #expect(value.allSatisfy { $0 == UInt8(truncatingIfNeeded: number) })
      }
      greatest = max(greatest, engine.accountedBytes)
      #expect(engine.accountedBytes <= options.memoryLimit)
    }
    // It is used, too.
    #expect(greatest > options.memoryLimit / 4)
    try engine.close()
  }
}

extension Engine {
  fileprivate func lent(_ key: [UInt8]) throws -> [UInt8]? { try read { try $0.lent(key) } }
}
