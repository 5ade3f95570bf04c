import Testing

/// An example of RFC 8949 appendix A: its bytes, the value it stands for, and what the deterministic
/// decoder says of it.
struct CodingVector: Sendable, CustomTestStringConvertible {
  enum Verdict: Sendable { case accepted, notDeterministic, unsupported }

  let hex: String
  let value: CBORModel
  let verdict: Verdict

  init(_ hex: String, _ value: CBORModel, _ verdict: Verdict = .accepted) {
    self.hex = hex
    self.value = value
    self.verdict = verdict
  }

  var testDescription: String { hex }
  var bytes: [UInt8] { hexBytes(hex) }
}

/// The bytes written in hexadecimal without spaces.
func hexBytes(_ hex: String) -> [UInt8] {
  let digits = hex.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
}

private func text(_ string: String) -> CBORModel { .text(string) }
private func number(_ number: UInt64) -> CBORModel { .unsigned(number) }

extension CodingVector {
  static let numbers: [CodingVector] = [
    .init("00", .unsigned(0)), .init("01", .unsigned(1)), .init("0a", .unsigned(10)),
    .init("17", .unsigned(23)), .init("1818", .unsigned(24)), .init("1819", .unsigned(25)),
    .init("1864", .unsigned(100)), .init("1903e8", .unsigned(1000)),
    .init("1a000f4240", .unsigned(1_000_000)),
    .init("1b000000e8d4a51000", .unsigned(1_000_000_000_000)), .init("1bffffffffffffffff", .unsigned(.max)),
    .init("c249010000000000000000", .tagged(2, .bytes([1, 0, 0, 0, 0, 0, 0, 0, 0])), .unsupported),
    .init("3bffffffffffffffff", .negative(.max)),
    .init("c349010000000000000000", .tagged(3, .bytes([1, 0, 0, 0, 0, 0, 0, 0, 0])), .unsupported),
    .init("20", .negative(0)), .init("29", .negative(9)), .init("3863", .negative(99)),
    .init("3903e7", .negative(999)),
    .init("f90000", .float(0)), .init("f98000", .float(-0.0)), .init("f93c00", .float(1)),
    .init("fb3ff199999999999a", .float(1.1)), .init("f93e00", .float(1.5)), .init("f97bff", .float(65504)),
    .init("fa47c35000", .float(100_000)), .init("fa7f7fffff", .float(3.4028234663852886e+38)),
    .init("fb7e37e43c8800759c", .float(1.0e+300)), .init("f90001", .float(5.960464477539063e-8)),
    .init("f90400", .float(0.00006103515625)), .init("f9c400", .float(-4)),
    .init("fbc010666666666666", .float(-4.1)),
    .init("f97c00", .float(.infinity)), .init("f97e00", .float(.nan)), .init("f9fc00", .float(-.infinity)),
    .init("fa7f800000", .float(.infinity), .notDeterministic),
    .init("fa7fc00000", .float(.nan), .notDeterministic),
    .init("faff800000", .float(-.infinity), .notDeterministic),
    .init("fb7ff0000000000000", .float(.infinity), .notDeterministic),
    .init("fb7ff8000000000000", .float(.nan), .notDeterministic),
    .init("fbfff0000000000000", .float(-.infinity), .notDeterministic),
    .init("f4", .simple(20)), .init("f5", .simple(21)), .init("f6", .simple(22)),
    .init("f7", .simple(23), .unsupported), .init("f0", .simple(16), .unsupported),
    .init("f8ff", .simple(255), .unsupported),
  ]

  static let strings: [CodingVector] = [
    .init(
      "c074323031332d30332d32315432303a30343a30305a", .tagged(0, .text("2013-03-21T20:04:00Z")), .unsupported),
    .init("c11a514b67b0", .tagged(1, .unsigned(1_363_896_240)), .unsupported),
    .init("c1fb41d452d9ec200000", .tagged(1, .float(1_363_896_240.5)), .unsupported),
    .init("d74401020304", .tagged(23, .bytes([1, 2, 3, 4])), .unsupported),
    .init("d818456449455446", .tagged(24, .bytes([0x64, 0x49, 0x45, 0x54, 0x46])), .unsupported),
    .init(
      "d82076687474703a2f2f7777772e6578616d706c652e636f6d", .tagged(32, .text("http://www.example.com")),
      .unsupported),
    .init("40", .bytes([])), .init("4401020304", .bytes([1, 2, 3, 4])),
    .init("60", .text("")), .init("6161", .text("a")), .init("6449455446", .text("IETF")),
    .init("62225c", .text("\"\\")), .init("62c3bc", .text("\u{FC}")), .init("63e6b0b4", .text("\u{6C34}")),
    .init("64f0908591", .text("\u{10151}")),
  ]

  static let containers: [CodingVector] = [
    .init("80", .array([])), .init("83010203", .array([number(1), number(2), number(3)])),
    .init(
      "8301820203820405",
      .array([number(1), .array([number(2), number(3)]), .array([number(4), number(5)])])),
    .init(
      "98190102030405060708090a0b0c0d0e0f101112131415161718181819", .array((1...25).map { .unsigned($0) })),
    .init("a0", .map([])),
    .init("a201020304", .map([(number(1), number(2)), (number(3), number(4))]), .unsupported),
    .init(
      "a26161016162820203", .map([(text("a"), number(1)), (text("b"), .array([number(2), number(3)]))])),
    .init("826161a161626163", .array([text("a"), .map([(text("b"), text("c"))])])),
    .init(
      "a56161614161626142616361436164614461656145",
      .map(zip("abcde", "ABCDE").map { (text(String($0)), text(String($1))) })),
    .init("5f42010243030405ff", .bytes([1, 2, 3, 4, 5]), .notDeterministic),
    .init("7f657374726561646d696e67ff", .text("streaming"), .notDeterministic),
    .init("9fff", .array([]), .notDeterministic),
  ]

  private static let nested = CBORModel.array([
    number(1), .array([number(2), number(3)]), .array([number(4), number(5)]),
  ])

  static let indefinite: [CodingVector] = [
    .init("9f018202039f0405ffff", nested, .notDeterministic),
    .init("9f01820203820405ff", nested, .notDeterministic),
    .init("83018202039f0405ff", nested, .notDeterministic),
    .init("83019f0203ff820405", nested, .notDeterministic),
    .init(
      "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff", .array((1...25).map { .unsigned($0) }),
      .notDeterministic),
    .init(
      "bf61610161629f0203ffff", .map([(text("a"), number(1)), (text("b"), .array([number(2), number(3)]))]),
      .notDeterministic),
    .init("826161bf61626163ff", .array([text("a"), .map([(text("b"), text("c"))])]), .notDeterministic),
    .init(
      "bf6346756ef563416d7421ff", .map([(text("Fun"), .simple(21)), (text("Amt"), .negative(1))]),
      .notDeterministic),
  ]

  static let all = numbers + strings + containers + indefinite
}
