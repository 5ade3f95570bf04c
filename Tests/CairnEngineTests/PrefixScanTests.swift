import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// Scans within one prefix pass over segments, and see what a dictionary sees all the same.
@Suite struct PrefixScanTests {
  @Test(arguments: 0..<6) func scansAgreeWithADictionary(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    var options = EngineOptions()
    options.memtableBytes = 8192
    options.segmentBytes = 8192
    options.prefixRule = [.none, .fixedLength(2), .tupleElements(2)][seed % 3]
    let engine = try Engine.open(
      at: "/store", options: options, environment: .simulated(SimulatedFileSystem(), seed: UInt64(seed)))
    var model: [[UInt8]: [UInt8]] = [:]
    func run(_ number: Int) -> Tuple { Tuple("run", .integer(Int64(number))) }
    for step in 0..<400 {
      // Few runs at a time, so that most segments know nothing of most runs.
      let number = step / 20 + Int.random(in: 0...1, using: &random)
      if Int.random(in: 0..<25, using: &random) == 0 {
        let removed = run(Int.random(in: 0...20, using: &random)).range
        _ = try engine.write { try $0.remove(removed) }
        model = model.filter { !removed.contains($0.key) }
      }
      let key = Tuple("run", .integer(Int64(number)), .integer(Int64(step % 50))).encoded()
      let value = [UInt8](repeating: UInt8(truncatingIfNeeded: step), count: 300)
      _ = try engine.write { try $0.set(key, to: value) }
      model[key] = value
      guard step % 40 == 39 else { continue }
      for number in 0...22 {
        let range = run(number).range
        let expected = model.filter { range.contains($0.key) }.sorted {
          $0.key.lexicographicallyPrecedes($1.key)
        }.map { KeyValue(key: $0.key, value: $0.value) }
        for direction in [ScanDirection.ascending, .descending] {
          var found: [KeyValue] = []
          try engine.read { reader in
            try reader.scan(range, direction, limit: nil) { entry in
              found.append(entry)
              return .proceed
            }
          }
          #expect(found == (direction == .ascending ? expected : expected.reversed()), "run \(number)")
        }
        let last = try engine.read { try $0.last(in: range) }
        #expect(last == expected.last)
      }
    }
    try engine.close()
  }
}
