import CairnTesting

/// A `Codable` value of whatever type the bytes have. Byte strings come out as arrays of their bytes.
indirect enum DynamicValue: Codable {
  case null
  case bool(Bool)
  case unsigned(UInt64)
  case negative(Int128)
  case float(Double)
  case text(String)
  case array([DynamicValue])
  case map([String: DynamicValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(UInt64.self) {
      self = .unsigned(value)
    } else if let value = try? container.decode(Int128.self) {
      self = .negative(value)
    } else if let value = try? container.decode(Double.self) {
      self = .float(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([DynamicValue].self) {
      self = .array(value)
    } else {
      self = .map(try container.decode([String: DynamicValue].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .unsigned(let value): try container.encode(value)
    case .negative(let value): try container.encode(value)
    case .float(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .map(let value): try container.encode(value)
    }
  }

  /// The value as the model has it.
  var model: CBORModel {
    switch self {
    case .null: .simple(22)
    case .bool(let value): .simple(value ? 21 : 20)
    case .unsigned(let value): .unsigned(value)
    case .negative(let value): .negative(UInt64(~value))
    case .float(let value): .float(value)
    case .text(let value): .text(value)
    case .array(let value): .array(value.map(\.model))
    case .map(let value): .map(value.map { (.text($0), $1.model) })
    }
  }
}

extension DynamicValue {
  /// A random value, at most `depth` levels deep.
  static func random(depth: Int, using generator: inout SeededGenerator) -> DynamicValue {
    switch Int.random(in: 0..<(depth > 0 ? 10 : 7), using: &generator) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &generator))
    case 2: return .unsigned(generator.next() >> UInt64.random(in: 0...63, using: &generator))
    case 3: return .negative(~Int128(generator.next() >> UInt64.random(in: 0...63, using: &generator)))
    case 4: return .float(Double(bitPattern: generator.next()))
    case 5: return .float(CBORModel.half(UInt16.random(in: 0...0xFFFF, using: &generator)))
    case 6: return .text(text(using: &generator))
    case 7:
      let count = Int.random(in: 0...30, using: &generator) / 4
      return .array((0..<count).map { _ in random(depth: depth - 1, using: &generator) })
    default:
      let count = Int.random(in: 0...(depth > 3 ? 30 : 8), using: &generator)
      let entries = (0..<count).map { _ in
        (text(using: &generator), random(depth: depth - 2, using: &generator))
      }
      return .map(Dictionary(entries, uniquingKeysWith: { $1 }))
    }
  }

  private static func text(using generator: inout SeededGenerator) -> String {
    let characters: [String] = [
      "a", "b", "key", "long enough to need more than one word", "é", "\u{1F642}", "7", "\0",
    ]
    return (0..<Int.random(in: 0...3, using: &generator))
      .map { _ in characters.randomElement(using: &generator) ?? "" }.joined()
  }
}
