import CairnKV
import Testing

@Suite struct TupleTests {
  static let examples: [(Tuple, String)] = [
    ([], ""),
    (Tuple(.bytes([])), "01 00"),
    (Tuple(.bytes([0x00, 0x01, 0x02, 0xFF])), "01 01 01 01 02 02 ff 00"),
    ([""], "02 00"),
    (["a"], "02 61 00"),
    (["ab"], "02 61 62 00"),
    (["a\0"], "02 61 01 01 00"),
    (["é"], "02 c3 a9 00"),
    ([0], "14"),
    ([1], "15 01"),
    ([-1], "13 fe"),
    ([255], "15 ff"),
    ([-255], "13 00"),
    ([256], "16 01 00"),
    ([-256], "12 fe ff"),
    (Tuple(.integer(.max)), "1c 7f ff ff ff ff ff ff ff"),
    (Tuple(.integer(.min)), "0c 7f ff ff ff ff ff ff ff"),
    (Tuple(.unsigned(.max)), "1c ff ff ff ff ff ff ff ff"),
    (Tuple(.position(CommitPosition(rawValue: 258))), "33 00 00 00 00 00 00 01 02"),
    (["journal", "batch-7", 42], "02 6a 6f 75 72 6e 61 6c 00 02 62 61 74 63 68 2d 37 00 15 2a"),
  ]

  @Test(arguments: examples)
  func encodesAsSpecified(tuple: Tuple, hex: String) throws {
    #expect(tuple.encoded() == bytes(hex))
    #expect(try Tuple(decoding: bytes(hex)) == tuple)
  }

  @Test(arguments: [
    ("01", TupleError(.truncated, offset: 1)),
    ("02 61", TupleError(.truncated, offset: 2)),
    ("02 61 01", TupleError(.truncated, offset: 3)),
    ("14 15", TupleError(.truncated, offset: 2)),
    ("13", TupleError(.truncated, offset: 1)),
    ("33 00 00 00 00 00 00 00", TupleError(.truncated, offset: 8)),
    ("00", TupleError(.unknownType, offset: 0)),
    ("14 03", TupleError(.unknownType, offset: 1)),
    ("0b", TupleError(.unknownType, offset: 0)),
    ("1d", TupleError(.unknownType, offset: 0)),
    ("ff", TupleError(.unknownType, offset: 0)),
    ("01 01 00 00", TupleError(.invalidEscape, offset: 2)),
    ("01 01 03 00", TupleError(.invalidEscape, offset: 2)),
    ("14 02 ff 00", TupleError(.invalidUTF8, offset: 1)),
    ("02 c0 af 00", TupleError(.invalidUTF8, offset: 0)),
    ("02 ed a0 80 00", TupleError(.invalidUTF8, offset: 0)),
    ("15 00", TupleError(.notShortest, offset: 0)),
    ("14 16 00 ff", TupleError(.notShortest, offset: 1)),
    ("13 ff", TupleError(.notShortest, offset: 0)),
    ("12 ff 00", TupleError(.notShortest, offset: 0)),
    ("0c 7f ff ff ff ff ff ff fe", TupleError(.outOfRange, offset: 0)),
  ])
  func refusesWhatItDoesNotWrite(hex: String, expected: TupleError) {
    #expect(throws: expected) { try Tuple(decoding: bytes(hex)) }
  }

  @Test func integerAndUnsignedAreOneNumber() throws {
    let signed = TupleElement.integer(7)
    let unsigned = TupleElement.unsigned(7)
    #expect(signed == unsigned)
    #expect(signed.hashValue == unsigned.hashValue)
    #expect(!(signed < unsigned) && !(unsigned < signed))
    #expect(Tuple(signed).encoded() == Tuple(unsigned).encoded())
    guard case .integer = try Tuple(decoding: Tuple(unsigned).encoded()).elements[0] else {
      Issue.record("a number that fits Int64 must decode as .integer")
      return
    }
  }

  @Test func stringsAreTheirBytes() {
    #expect("é" == "e\u{301}")
    #expect(TupleElement.string("é") != .string("e\u{301}"))
    #expect(Set<TupleElement>(["é", "e\u{301}"]).count == 2)
  }

  @Test func aPositionFillsThePlaceholder() throws {
    let key = Tuple.commitOrdered(["audit"], addend: 3, ["x", 1])
    let resolved = key.resolved(at: CommitPosition(rawValue: 0x0102_0304_0506_0708))
    let expected = Tuple("audit", .position(CommitPosition(rawValue: 0x0102_0304_0506_070B)), "x", 1)
    #expect(resolved == expected.encoded())
    #expect(Tuple("audit").range.contains(resolved))
  }

  @Test func theErrorSaysWhatAndWhere() {
    for code in TupleError.Code.allCases {
      #expect(TupleError(code, offset: 12).description.contains("offset 12"))
    }
  }
}

/// The bytes written in hexadecimal.
func bytes(_ hex: String) -> [UInt8] {
  hex.split(separator: " ").compactMap { UInt8($0, radix: 16) }
}
