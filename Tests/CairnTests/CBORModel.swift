/// CBOR as RFC 8949 has it, all of it: the model that the coder is judged by. Slow and plain on purpose.
indirect enum CBORModel: Equatable, Sendable {
  case unsigned(UInt64)
  case negative(UInt64)
  case bytes([UInt8])
  case text(String)
  case array([CBORModel])
  case map([(CBORModel, CBORModel)])
  case tagged(UInt64, CBORModel)
  case simple(UInt8)
  case float(Double)

  struct Malformed: Error {}

  /// Parses any well-formed item, deterministic or not.
  init(parsing input: [UInt8]) throws {
    var rest = input[...]
    self = try Self.item(&rest)
    if !rest.isEmpty { throw Malformed() }
  }

  private static func item(_ rest: inout ArraySlice<UInt8>) throws -> CBORModel {
    guard let item = try itemOrBreak(&rest) else { throw Malformed() }
    return item
  }

  private static func itemOrBreak(_ rest: inout ArraySlice<UInt8>) throws -> CBORModel? {
    guard let first = rest.popFirst() else { throw Malformed() }
    if first == 0xFF { return nil }
    let (major, information) = (first >> 5, first & 31)
    if information == 31 { return try indefinite(major, &rest) }
    guard information < 28 else { throw Malformed() }
    let size = information < 24 ? 0 : 1 << (Int(information) - 24)
    guard rest.count >= size else { throw Malformed() }
    let argument = size == 0 ? UInt64(information) : rest.prefix(size).reduce(0) { $0 << 8 | UInt64($1) }
    rest = rest.dropFirst(size)
    switch major {
    case 0: return .unsigned(argument)
    case 1: return .negative(argument)
    case 2, 3:
      guard argument <= rest.count else { throw Malformed() }
      let content = Array(rest.prefix(Int(argument)))
      rest = rest.dropFirst(Int(argument))
      return major == 2 ? .bytes(content) : .text(try text(content))
    case 4:
      var elements: [CBORModel] = []
      for _ in 0..<argument { elements.append(try item(&rest)) }
      return .array(elements)
    case 5:
      var entries: [(CBORModel, CBORModel)] = []
      for _ in 0..<argument { entries.append((try item(&rest), try item(&rest))) }
      return .map(entries)
    case 6: return .tagged(argument, try item(&rest))
    default:
      switch information {
      case 25: return .float(half(UInt16(argument)))
      case 26: return .float(Double(Float(bitPattern: UInt32(argument))))
      case 27: return .float(Double(bitPattern: argument))
      default:
        guard information < 24 || argument >= 32 else { throw Malformed() }
        return .simple(UInt8(argument))
      }
    }
  }

  private static func indefinite(_ major: UInt8, _ rest: inout ArraySlice<UInt8>) throws -> CBORModel {
    var items: [CBORModel] = []
    while let item = try itemOrBreak(&rest) { items.append(item) }
    switch major {
    case 2:
      return .bytes(
        try items.flatMap { item in
          guard case .bytes(let chunk) = item else { throw Malformed() }
          return chunk
        })
    case 3:
      return .text(
        try items.map { item in
          guard case .text(let chunk) = item else { throw Malformed() }
          return chunk
        }.joined())
    case 4: return .array(items)
    case 5:
      guard items.count % 2 == 0 else { throw Malformed() }
      return .map(stride(from: 0, to: items.count, by: 2).map { (items[$0], items[$0 + 1]) })
    default: throw Malformed()
    }
  }

  private static func text(_ bytes: [UInt8]) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw Malformed() }
    return text
  }

  /// RFC 8949 appendix D.
  static func half(_ bits: UInt16) -> Double {
    let (exponent, fraction) = (Int(bits >> 10 & 31), Double(bits & 0x3FF))
    let magnitude =
      switch exponent {
      case 0: fraction * 0x1p-24
      case 31: fraction == 0 ? Double.infinity : .nan
      default: (fraction + 1024) * Double(sign: .plus, exponent: exponent - 25, significand: 1)
      }
    return bits & 0x8000 == 0 ? magnitude : -magnitude
  }

  /// The deterministic encoding (§4.2.1).
  var encoded: [UInt8] {
    switch self {
    case .unsigned(let number): Self.head(0, number)
    case .negative(let number): Self.head(1, number)
    case .bytes(let bytes): Self.head(2, UInt64(bytes.count)) + bytes
    case .text(let text): Self.head(3, UInt64(text.utf8.count)) + Array(text.utf8)
    case .array(let elements): Self.head(4, UInt64(elements.count)) + elements.flatMap(\.encoded)
    case .map(let entries):
      Self.head(5, UInt64(entries.count))
        + entries.map { ($0.encoded, $1.encoded) }
        .sorted { $0.0.lexicographicallyPrecedes($1.0) }
        .flatMap { $0 + $1 }
    case .tagged(let tag, let item): Self.head(6, tag) + item.encoded
    case .simple(let value): value < 24 ? [0xE0 | value] : [0xF8, value]
    case .float(let value): Self.float(value)
    }
  }

  private static func head(_ major: UInt8, _ argument: UInt64) -> [UInt8] {
    let first = major << 5
    if argument < 24 { return [first | UInt8(argument)] }
    if argument <= 0xFF { return [first | 24, UInt8(argument)] }
    if argument <= 0xFFFF { return [first | 25] + bigEndian(UInt16(argument)) }
    if argument <= 0xFFFF_FFFF { return [first | 26] + bigEndian(UInt32(argument)) }
    return [first | 27] + bigEndian(argument)
  }

  private static let halves: [UInt64: UInt16] = Dictionary(
    (0...UInt16.max).filter { !half($0).isNaN }.map { (half($0).bitPattern, $0) }, uniquingKeysWith: { $1 })

  private static func float(_ value: Double) -> [UInt8] {
    if value.isNaN { return [0xF9, 0x7E, 0x00] }
    if let half = halves[value.bitPattern] { return [0xF9] + bigEndian(half) }
    if Double(Float(value)) == value { return [0xFA] + bigEndian(Float(value).bitPattern) }
    return [0xFB] + bigEndian(value.bitPattern)
  }

  private static func bigEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian, Array.init)
  }

  /// By the deterministic encodings, so that not-a-number equals itself and the order of a map does not
  /// matter.
  static func == (left: CBORModel, right: CBORModel) -> Bool {
    left.encoded == right.encoded
  }
}
