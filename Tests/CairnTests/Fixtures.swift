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

let progress = Timeline<Progress>("batch-7")
let audit = Journal<Fact>("audit")
