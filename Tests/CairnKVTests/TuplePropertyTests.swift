import CairnKV
import CairnTesting
import Testing

@Suite struct TuplePropertyTests {
  @Test(arguments: [1, 2, 3] as [UInt64])
  func byteOrderIsTupleOrderAndPrefixesAreExtensions(seed: UInt64) {
    var random = RandomTuples(seed: seed)
    for _ in 0..<10_000 {
      let left = random.next()
      let right = random.next(perhapsExtending: left)
      let (leftKey, rightKey) = (left.encoded(), right.encoded())
      let extends = right.elements.starts(with: left.elements)
      #expect((left == right) == (leftKey == rightKey), "seed \(seed): \(left) \(right)")
      #expect((left < right) == leftKey.lexicographicallyPrecedes(rightKey), "seed \(seed): \(left) \(right)")
      #expect(rightKey.starts(with: leftKey) == extends, "seed \(seed): \(left) \(right)")
      #expect(left.range.contains(rightKey) == extends, "seed \(seed): \(left) \(right)")
      if left == right { #expect(left.hashValue == right.hashValue) }
    }
  }

  @Test(arguments: [4, 5] as [UInt64])
  func whatIsEncodedDecodes(seed: UInt64) throws {
    var random = RandomTuples(seed: seed)
    for _ in 0..<10_000 {
      let tuple = random.next()
      #expect(try Tuple(decoding: tuple.encoded()) == tuple, "seed \(seed)")
    }
  }

  /// Damaged encodings either are refused or are what the decoded tuple encodes to.
  @Test(arguments: [6, 7] as [UInt64])
  func whatDecodesIsCanonical(seed: UInt64) {
    var random = RandomTuples(seed: seed)
    var generator = SeededGenerator(seed: seed)
    var accepted = 0
    for _ in 0..<20_000 {
      var bytes = random.next().encoded()
      for _ in 0..<Int.random(in: 0...2, using: &generator) where !bytes.isEmpty {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[index] = UInt8.random(in: 0...0xFF, using: &generator)
        case 1: bytes.remove(at: index)
        case 2: bytes.insert(UInt8.random(in: 0...0x34, using: &generator), at: index)
        default: bytes.removeSubrange(index...)
        }
      }
      do throws(TupleError) {
        #expect(try Tuple(decoding: bytes).encoded() == bytes, "seed \(seed)")
        accepted += 1
      } catch {
        #expect((0...bytes.count).contains(error.offset), "seed \(seed): \(error)")
      }
    }
    #expect(accepted > 1000)
  }

  @Test func everyShortInputIsCanonicalOrRefused() {
    for first in UInt8.min ... .max {
      for second in UInt8.min ... .max {
        for input in [[first], [first, second], [0x01, first, second], [first, second, 0x00]] {
          if let tuple = try? Tuple(decoding: input), tuple.encoded() != input {
            Issue.record("\(input) decodes as \(tuple), which is \(tuple.encoded())")
          }
        }
      }
    }
  }
}
