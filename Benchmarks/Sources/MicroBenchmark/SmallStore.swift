import CairnEngine
import CairnKV
import CairnTesting

/// A store in memory that is the same in every run: no thread, no clock, no chance.
struct SmallStore {
  static let keyCount = 20_000

  let engine: Engine

  /// An empty store.
  /// - Parameter memoryLimit: 256 MiB unless a cache is to be too small.
  init(memoryLimit: Int = 256 << 20) throws {
    var options = EngineOptions()
    options.memoryLimit = memoryLimit
    let environment = Environment(
      fileSystem: MemoryFileSystem(), time: SimulatedTime(), random: SeededRandomSource(seed: 1),
      scheduler: InlineScheduler())
    engine = try Engine.open(at: "store", options: options, environment: environment)
  }

  /// A store with ``keyCount`` keys in its memtable, written in random order.
  static func inMemtable() throws -> SmallStore {
    let store = try SmallStore()
    var order = SeededGenerator(seed: 2)
    for chunk in 0..<(keyCount / 1000) {
      try store.engine.write(.buffered) { batch in
        for index in 0..<1000 {
          let number = scattered(chunk * 1000 + index)
          try batch.set(key(number), to: value(number, &order))
        }
      }
    }
    return store
  }

  /// A store with `count` keys in one segment, and nothing in its memtable. Every second number has a key.
  static func inSegment(_ count: Int = keyCount, memoryLimit: Int = 256 << 20) throws -> SmallStore {
    let store = try SmallStore(memoryLimit: memoryLimit)
    var random = SeededGenerator(seed: 2)
    try store.engine.ingest(into: .all) { output in
      for number in 0..<count { try output.append(key: key(2 * number), value: value(number, &random)) }
    }
    return store
  }

  /// 16 bytes: eight that all share, and the number.
  static func key(_ number: Int) -> [UInt8] {
    var key = Array("cairnkey".utf8)
    withUnsafeBytes(of: UInt64(number).bigEndian) { key.append(contentsOf: $0) }
    return key
  }

  /// 112 bytes of which half compress away.
  static func value(_ number: Int, _ random: inout SeededGenerator) -> [UInt8] {
    var value = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 112)
    for index in 0..<56 { value[index] = UInt8.random(in: 0...255, using: &random) }
    return value
  }

  /// A permutation of 0..<``keyCount``: its factor has no divisor in common with the count.
  static func scattered(_ index: Int) -> Int { index * 7919 % keyCount }
}
