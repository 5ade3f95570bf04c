import CairnKV
import Testing

/// How long the first elements of a key are, against encoding them alone.
@Suite struct TuplePrefixTests {
  private func prefixLength(_ bytes: [UInt8], _ count: Int) -> Int? {
    bytes.withUnsafeBytes { Tuple.prefixLength(of: $0, elements: count) }
  }

  @Test(arguments: 0..<20) func agreesWithTheEncoding(seed: Int) {
    var random = RandomTuples(seed: UInt64(seed))
    for _ in 0..<500 {
      let tuple = Tuple((0..<4).map { _ in random.element() })
      let bytes = tuple.encoded()
      for count in 0...6 {
        let expected =
          count <= 4 ? Tuple(Array(tuple.elements.prefix(count))).encoded().count : nil
        #expect(prefixLength(bytes, count) == expected, "\(tuple), \(count)")
        // Cut off anywhere before its end, the key has fewer elements; whatever follows changes nothing.
        if let expected {
          for end in 0..<expected { #expect(prefixLength(Array(bytes[..<end]), count) == nil) }
          #expect(prefixLength(Array(bytes[..<expected]) + [0xFF, 0, 1], count) == expected)
        }
      }
    }
  }

  @Test func bytesThatAreNoElement() {
    let known = Set<UInt8>([0x01, 0x02, 0x33]).union(0x0C...0x1C)
    for code in UInt8.min ... .max {
      let length = prefixLength([code] + [UInt8](repeating: 0, count: 20), 1)
      #expect((length != nil) == known.contains(code), "type code \(code)")
    }
    #expect(prefixLength([], 1) == nil)
    #expect(prefixLength([], 0) == 0)
  }
}
