import Cairn

struct Progress: Codable, Hashable {
  var done: [Int] = []
  var note = ""
}

struct Fact: Codable, Hashable {
  var number: Int
  var text = ""
}

/// A value that no coder can encode.
struct Unencodable: Codable, Hashable {
  struct Refusal: Error {}

  init() {}
  init(from decoder: any Decoder) throws { throw Refusal() }
  func encode(to encoder: any Encoder) throws { throw Refusal() }
}

/// An event that can be encoded only if it says so.
struct Fickle: Codable, Hashable {
  var isEncodable: Bool

  func encode(to encoder: any Encoder) throws {
    guard isEncodable else { throw Unencodable.Refusal() }
    var container = encoder.singleValueContainer()
    try container.encode(isEncodable)
  }

  init(_ isEncodable: Bool) { self.isEncodable = isEncodable }
  init(from decoder: any Decoder) throws {
    isEncodable = try decoder.singleValueContainer().decode(Bool.self)
  }
}

/// Random numbers that a seed decides: SplitMix64.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }
}

let progress = Timeline<Progress>("batch-7")
let audit = Journal<Fact>("audit")
