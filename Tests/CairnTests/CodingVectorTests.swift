import Cairn
import Testing

@Suite struct CodingVectorTests {
  @Test(arguments: CodingVector.all)
  func theModelReadsIt(vector: CodingVector) throws {
    #expect(try CBORModel(parsing: vector.bytes) == vector.value)
    #expect((vector.value.encoded == vector.bytes) == (vector.verdict != .notDeterministic))
  }

  @Test(arguments: CodingVector.all.filter { $0.verdict == .accepted })
  func deterministicOnesDecodeAndEncodeAgain(vector: CodingVector) throws {
    if case .bytes(let bytes) = vector.value {
      #expect(try CBORDecoder().decode([UInt8].self, from: vector.bytes) == bytes)
      #expect(try CBOREncoder().encode(bytes) == vector.bytes)
    } else {
      let decoded = try CBORDecoder().decode(DynamicValue.self, from: vector.bytes)
      #expect(decoded.model == vector.value)
      #expect(try CBOREncoder().encode(decoded) == vector.bytes)
    }
  }

  @Test(arguments: CodingVector.all.filter { $0.verdict != .accepted })
  func othersAreRefused(vector: CodingVector) {
    let error = #expect(throws: CodingFailure.self) {
      try CBORDecoder().decode(DynamicValue.self, from: vector.bytes)
    }
    #expect(error?.code == (vector.verdict == .unsupported ? .unsupported : .notDeterministic))
    #expect(error?.offset != nil)
  }

  static let refusals: [(String, CodingFailure.Code, Int)] = [
    ("", .malformed, 0), ("18", .malformed, 0), ("19ff", .malformed, 0), ("61", .malformed, 0),
    ("8201", .malformed, 0), ("820118", .malformed, 2), ("a16161", .malformed, 3), ("0000", .malformed, 1),
    ("1c", .malformed, 0),
    ("62c328", .malformed, 0), ("63eda080", .malformed, 0), ("9bffffffffffffffff", .malformed, 0),
    ("bb7fffffffffffffff", .malformed, 0), ("5bffffffffffffffff00", .malformed, 0),
    ("ff", .notDeterministic, 0),
    ("1817", .notDeterministic, 0), ("1900ff", .notDeterministic, 0), ("1a0000ffff", .notDeterministic, 0),
    ("1b00000000ffffffff", .notDeterministic, 0), ("3817", .notDeterministic, 0),
    ("780161", .notDeterministic, 0),
    ("81fa3fc00000", .notDeterministic, 1), ("fb3ff8000000000000", .notDeterministic, 0),
    ("f97e01", .notDeterministic, 0), ("f9fe00", .notDeterministic, 0), ("fa33800000", .notDeterministic, 0),
    ("a2616201616101", .notDeterministic, 4), ("a2616101616102", .notDeterministic, 4),
    ("a262616101616201", .notDeterministic, 5), ("81a10102", .unsupported, 2), ("f818", .unsupported, 0),
  ]

  @Test(arguments: refusals)
  func damageIsNamed(hex: String, code: CodingFailure.Code, offset: Int) {
    let error = #expect(throws: CodingFailure.self) {
      try CBORDecoder().decode(DynamicValue.self, from: hexBytes(hex))
    }
    #expect(error?.code == code && error?.offset == offset, "\(error.debugDescription)")
  }

  @Test func everyHalfIsReadAndWritten() throws {
    for bits in UInt16.min ... .max where !CBORModel.half(bits).isNaN {
      let bytes = [0xF9, UInt8(bits >> 8), UInt8(bits & 0xFF)]
      let value = try CBORDecoder().decode(Double.self, from: bytes)
      #expect(value.bitPattern == CBORModel.half(bits).bitPattern)
      #expect(try CBOREncoder().encode(value) == bytes)
      #expect(try CBOREncoder().encode(Float(value)) == bytes)
    }
  }

  /// All first bytes and the edges of continuation, judged by the standard library.
  @Test func textIsValidUTF8OrRefused() {
    let edges: [UInt8] = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]
    for first in UInt8.min ... .max {
      for second in edges {
        for third in edges {
          for tail in [[], [0x80], [0xBF, 0x41], [0xC0]] as [[UInt8]] {
            let text = [first, second, third] + tail
            let decoded = try? CBORDecoder().decode(String.self, from: [0x60 + UInt8(text.count)] + text)
            if decoded != String(validating: text, as: UTF8.self) {
              Issue.record("\(text) gives \(decoded ?? "nil")")
            }
          }
        }
      }
    }
  }
}
