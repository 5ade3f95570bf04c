import CairnKV
import CairnTesting

/// Random tuples made to collide: short, from few and awkward elements, so that equal ones, prefixes and
/// neighbours are common.
struct RandomTuples {
  private var generator: SeededGenerator

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  mutating func next() -> Tuple {
    Tuple((0..<Int.random(in: 0...4, using: &generator)).map { _ in element() })
  }

  /// A random tuple, which half of the time extends `tuple`.
  mutating func next(perhapsExtending tuple: Tuple) -> Tuple {
    let other = next()
    return Bool.random(using: &generator) ? Tuple(tuple.elements + other.elements) : other
  }

  mutating func element() -> TupleElement {
    switch Int.random(in: 0..<5, using: &generator) {
    case 0: .bytes((0..<Int.random(in: 0...3, using: &generator)).map { _ in byte() })
    case 1: .string((0..<Int.random(in: 0...3, using: &generator)).map { _ in character() }.joined())
    case 2: .integer(integer())
    case 3: .unsigned(UInt64(bitPattern: integer()))
    default: .position(CommitPosition(rawValue: UInt64(bitPattern: integer())))
    }
  }

  private mutating func byte() -> UInt8 {
    [0x00, 0x01, 0x02, 0x7F, 0xFE, 0xFF].randomElement(using: &generator) ?? 0
  }

  private mutating func character() -> String {
    ["\0", "\u{1}", "\u{2}", "a", "b", "é", "e\u{301}", "\u{FFFD}", "\u{1F642}"]
      .randomElement(using: &generator) ?? ""
  }

  /// Mostly a power of two or a neighbour of one, of either sign: where the encoded length changes.
  private mutating func integer() -> Int64 {
    let power = Int64(bitPattern: 1 << UInt64.random(in: 0...63, using: &generator))
    let near = power &+ Int64.random(in: -1...1, using: &generator)
    return switch Int.random(in: 0..<4, using: &generator) {
    case 0: Int64.random(in: .min ... .max, using: &generator)
    case 1: Int64.random(in: -2...2, using: &generator)
    case 2: 0 &- near
    default: near
    }
  }
}
