import CairnTesting
import FuzzKit

@testable import Cairn

/// Payloads of any type: whatever is accepted is the one encoding of its value, and well-formed by the model.
struct CBORFuzz: FuzzTarget {
  static let name = "cbor"
  static let share = 40
  private let seeds: [[UInt8]]

  init() throws {
    var generator = SeededGenerator(seed: 11)
    var seeds: [[UInt8]] = [[0xF9, 0x7E, 0x00], [0xA0], [0x80], [0x3B] + [UInt8](repeating: 0xFF, count: 8)]
    while seeds.count < 40 {
      let bytes = try CBOREncoder().encode(DynamicValue.random(depth: 3, using: &generator))
      if bytes.count < 300 { seeds.append(bytes) }
    }
    seeds.append([UInt8](repeating: 0x81, count: 127) + [0x01])
    self.seeds = seeds
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    var bytes = seeds[random.below(seeds.count)]
    Mutation.change(&bytes, with: seeds[random.below(seeds.count)], using: &random)
    if random.chance(1, in: 64) {
      bytes = [UInt8](repeating: random.chance(1, in: 2) ? 0x81 : 0x9F, count: 120 + random.below(20)) + bytes
    }
    do {
      let value = try CBORDecoder().decode(DynamicValue.self, from: bytes)
      // Byte strings come out as arrays, so that only a part of what is accepted can be written again.
      let model = try? CBORModel(parsing: bytes)
      guard let model else { throw FuzzFinding("accepted, though not well-formed: \(bytes)") }
      if Self.holdsNoBytes(model) {
        let again = try CBOREncoder().encode(value)
        try demand(again == bytes, "\(bytes) is written as \(again)")
      }
      return .accepted
    } catch let error as CodingFailure {
      return try CBORRefusal.demand(error, of: bytes)
    }
  }

  private static func holdsNoBytes(_ model: CBORModel) -> Bool {
    switch model {
    case .bytes: false
    case .array(let elements): elements.allSatisfy { holdsNoBytes($0) }
    case .map(let entries): entries.allSatisfy { holdsNoBytes($0.1) }
    default: true
    }
  }
}

/// Payloads of types that ask for what they expect.
struct TypedCBORFuzz: FuzzTarget {
  static let name = "cbor-typed"
  static let share = 30

  struct Order: Codable {
    struct Line: Codable {
      var price: Double
      var count: UInt8
      var small: Float?
    }
    enum State: Codable {
      case open(since: Int64)
      case closed
    }
    var name: String
    var raw: [UInt8]
    var lines: [Line]
    var state: State
    var tags: [String: Int]
    var byNumber: [Int: Bool]
    var texts: [String]
    var numbers: [Int]
    var doubles: [Double]
    var set: Set<Int16>
    var big: Int128?
  }

  private let seeds: [[UInt8]]

  init() throws {
    let order = Order(
      name: "käse", raw: [1, 2, 3],
      lines: [.init(price: 1.5, count: 3, small: 0.1), .init(price: 7, count: 255)],
      state: .open(since: -9), tags: ["a": 1, "bb": -1], byNumber: [1: true, -5: false], texts: ["", "x"],
      numbers: [.min, .max, 0], doubles: [0.1, .infinity, 1e300], set: [1, -3], big: 1 << 64 - 1)
    var other = order
    other.state = .closed
    other.lines = []
    other.big = nil
    seeds = [try CBOREncoder().encode(order), try CBOREncoder().encode(other)]
  }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    var bytes = seeds[random.below(seeds.count)]
    Mutation.change(&bytes, with: seeds[random.below(seeds.count)], using: &random)
    do {
      let order = try CBORDecoder().decode(Order.self, from: bytes)
      // Fields that are not asked for are passed over, and numbers may be of other types: but what was read can be
      // written, and is read again.
      let again = try CBOREncoder().encode(order)
      let twice = try CBOREncoder().encode(CBORDecoder().decode(Order.self, from: again))
      try demand(twice == again, "\(again) is written as \(twice)")
      return .accepted
    } catch let error as CodingFailure {
      return try CBORRefusal.demand(error, of: bytes)
    }
  }
}

enum CBORRefusal {
  static func demand(_ error: CodingFailure, of bytes: [UInt8]) throws(FuzzFinding) -> FuzzOutcome {
    try FuzzKit.demand(
      error.offset.map { (0...bytes.count).contains($0) } ?? true,
      "\(error), of \(bytes.count) bytes: \(bytes)")
    return .rejected
  }
}
