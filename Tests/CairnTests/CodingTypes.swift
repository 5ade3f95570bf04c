/// A key that has no text form.
struct Point: Codable, Hashable, Sendable {
  var x: Int
  var y: Int
}

enum Shape: Codable, Equatable, Sendable {
  case nothing
  case circle(radius: Double)
  case polygon([Point], closed: Bool)
  indirect case group(Shape, Shape)
}

enum Colour: String, Codable { case red, green }

/// One of every type that the coder treats in its own way, in an order that is not that of the keys.
struct Everything: Codable, Equatable, Sendable {
  var zebra: String
  var flag: Bool
  var tiny: Int8
  var least: Int64
  var greatest: UInt64
  var wide: Int128
  var ratio: Double
  var small: Float
  var absent: String?
  var present: Int?
  var inner: Int??
  var raw: [UInt8]
  var contiguous: ContiguousArray<UInt8>
  var words: [String]
  var counts: [Int]
  var ratios: [Double]
  var flags: [Bool]
  var optionals: [Int?]
  var points: [Point]
  var byName: [String: Point]
  var byNumber: [Int: String]
  var byPoint: [Point: Colour]
  var set: Set<String>
  var shapes: [Shape]
  var empty: Empty
  var aKeyThatIsLongerThanAnyOfTheOthersAndThanAWord: Int
  var aKeyThatIsLongerThanAnyOfTheOthersAndThanAWard: Int

  struct Empty: Codable, Equatable, Sendable {}

  static let example = Everything(
    zebra: "stripes", flag: true, tiny: -128, least: .min, greatest: .max, wide: -(1 << 64), ratio: 1.1,
    small: 0.1,
    absent: nil, present: 3, inner: 4, raw: [0, 255], contiguous: [1, 2, 3], words: ["", "é"],
    counts: [-1, 0, 1 << 40],
    ratios: [0.5, -0.0, .infinity], flags: [true, false], optionals: [nil, 24], points: [Point(x: 1, y: -1)],
    byName: [
      "b": Point(x: 1, y: 2), "aa": Point(x: 3, y: 4), "5": Point(x: 5, y: 5), "05": Point(x: 6, y: 6),
    ],
    byNumber: [1: "one", -1: "minus one", 10: "ten"],
    byPoint: [Point(x: 1, y: 1): .red, Point(x: 0, y: 0): .green],
    set: ["x", "y", "longer"],
    shapes: [
      .nothing, .circle(radius: 2), .polygon([], closed: true), .group(.nothing, .circle(radius: 0.1)),
    ],
    empty: Empty(), aKeyThatIsLongerThanAnyOfTheOthersAndThanAWord: 1,
    aKeyThatIsLongerThanAnyOfTheOthersAndThanAWard: 2)
}

class Animal: Codable {
  var name = "animal"
}

/// Encodes its own fields, and those of its superclass apart.
final class Dog: Animal {
  var tricks = ["sit"]

  enum CodingKeys: CodingKey { case tricks }

  override init() { super.init() }

  required init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    tricks = try container.decode([String].self, forKey: .tricks)
    try super.init(from: container.superDecoder())
  }

  override func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try super.encode(to: container.superEncoder())
    try container.encode(tricks, forKey: .tricks)
  }
}

/// Encodes its own fields beside those of its superclass, in one map.
final class Cat: Animal {
  var lives = 9

  enum CodingKeys: CodingKey { case lives }

  override init() { super.init() }

  required init(from decoder: any Decoder) throws {
    lives = try decoder.container(keyedBy: CodingKeys.self).decode(Int.self, forKey: .lives)
    try super.init(from: decoder)
  }

  override func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(lives, forKey: .lives)
    try super.encode(to: encoder)
  }
}

/// A type whose coding is given by closures.
struct Custom: Encodable {
  let body: (any Encoder) throws -> Void
  func encode(to encoder: any Encoder) throws { try body(encoder) }
}

/// Any key.
struct Key: CodingKey, ExpressibleByStringLiteral {
  let stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
  init(stringLiteral value: String) { stringValue = value }
}
