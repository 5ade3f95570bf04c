import CairnKV
import Testing

@Suite struct KeyRangeTests {
  static let successors: [([UInt8], [UInt8]?)] = [
    ([], nil), ([0xFF], nil), ([0xFF, 0xFF], nil), ([0x00], [0x01]), ([0x61, 0x62], [0x61, 0x63]),
    ([0x61, 0xFF, 0xFF], [0x62]), ([0xFE, 0xFF], [0xFF]),
  ]

  @Test(arguments: successors)
  func successor(prefix: [UInt8], expected: [UInt8]?) {
    #expect(KeyRange.successor(ofPrefix: prefix) == expected)
  }

  /// Every pair of keys of at most three bytes, from an alphabet that has both ends.
  @Test func prefixHoldsExactlyWhatBeginsWithIt() {
    let keys = shortKeys()
    for prefix in keys {
      let range = KeyRange.prefix(prefix)
      let one = KeyRange.key(prefix)
      #expect(!range.isEmpty && !one.isEmpty)
      for key in keys {
        #expect(range.contains(key) == key.starts(with: prefix))
        #expect(one.contains(key) == (key == prefix))
        #expect(KeyRange.all.contains(key))
      }
    }
  }

  @Test func containsAgreesWithOrderAndEmptiness() {
    let keys = shortKeys()
    for lower in keys {
      for upper in keys {
        let range = KeyRange(from: lower, to: upper)
        #expect(range.contains(lower) == !range.isEmpty)
        #expect(!range.contains(upper))
        #expect(range.isEmpty == !lower.lexicographicallyPrecedes(upper))
      }
    }
  }

  private func shortKeys() -> [[UInt8]] {
    let alphabet: [UInt8] = [0x00, 0x01, 0x61, 0xFE, 0xFF]
    var keys: [[UInt8]] = [[]]
    var longest = keys
    for _ in 0..<3 {
      longest = longest.flatMap { key in alphabet.map { key + [$0] } }
      keys += longest
    }
    return keys
  }
}
