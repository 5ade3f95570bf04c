import CairnKV
import CairnTesting

@testable import CairnEngine

/// Commits that a seed decides.
struct FixtureContent {
  private var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

  private mutating func noise(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  /// A tuple, so that it has a prefix by the default rule.
  func key(_ index: Int) -> [UInt8] {
    Tuple([.string("fixture"), .integer(Int64(index % 7)), .integer(Int64(index))]).encoded()
  }

  /// A few operations on a hundred keys.
  mutating func commit(
    _ durability: Durability, removing isRemoving: Bool = false, to engine: Engine
  ) throws {
    var operations: [(key: [UInt8], value: [UInt8]?)] = []
    for _ in 0..<(1 + below(4)) {
      let key = key(below(100))
      operations.append((key, below(5) == 0 ? nil : noise(below(90))))
    }
    let lower = below(90)
    let isOrdered = below(8) == 0
    let range = KeyRange(from: key(lower), to: key(lower + 7 * (1 + below(3))))
    try engine.write(durability) { batch in
      for (key, value) in operations {
        if let value { try batch.set(key, to: value) } else { try batch.remove(key) }
      }
      if isRemoving { try batch.remove(range) }
      if isOrdered { try batch.set(CommitOrderedBytes(prefix: key(1000)), to: CommitOrderedBytes([])) }
    }
  }

  /// A value much like the others, which compresses.
  mutating func alike(to engine: Engine) throws {
    let index = below(80)
    let remark = "{\"by\":\"agent-\(below(9))\",\"verdict\":\"\(["accepted", "declined"][below(2)])\"},"
    let text = "{\"document\":\(index),\"remarks\":[" + String(repeating: remark, count: 40) + "]}"
    try engine.write(.buffered) { try $0.set(key(index), to: [UInt8](text.utf8)) }
  }

  /// Sets or removes one of a few large values. Most are short, and cannot be compressed; some have several
  /// chunks, and can.
  mutating func largeValue(to engine: Engine) throws {
    let key = Tuple([.string("large"), .integer(Int64(below(12)))]).encoded()
    let value: [UInt8]?
    switch below(16) {
    case 0: value = [UInt8](repeating: UInt8(below(256)), count: 300_001)
    case 1: value = []
    case 2...7: value = nil
    default: value = noise(256 + below(100))
    }
    try engine.write(.buffered) { batch in
      if let value { try batch.set(key, to: value) } else { try batch.remove(key) }
    }
  }

  /// Entries in the place of what one prefix holds, or under one that nothing has.
  mutating func ingest(_ count: Int, replacing isReplacing: Bool, to engine: Engine) throws {
    let prefix: [TupleElement] = [.string("fixture"), .integer(isReplacing ? 3 : 50)]
    let entries = (0..<Int64(count)).map { (Tuple(prefix + [.integer($0)]).encoded(), noise(below(120))) }
    try engine.ingest(into: .prefix(Tuple(prefix).encoded()), replacing: isReplacing) { output in
      for (key, value) in entries { try output.append(key: key, value: value) }
    }
  }
}
