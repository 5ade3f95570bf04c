import Cairn
import CairnTesting
import Testing

@Suite struct CodingPropertyTests {
  @Test(arguments: [1, 2, 3] as [UInt64])
  func randomValuesAreEncodedAsTheModelSaysAndComeBack(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<300 {
      let value = DynamicValue.random(depth: 5, using: &generator)
      let bytes = try CBOREncoder().encode(value)
      #expect(bytes == value.model.encoded, "seed \(seed)")
      let decoded = try CBORDecoder().decode(DynamicValue.self, from: bytes)
      #expect(decoded.model == value.model, "seed \(seed)")
    }
  }

  /// A dictionary's own order depends on its capacity and on the order of insertion; its bytes do not.
  @Test(arguments: [4, 5] as [UInt64])
  func theOrderOfInsertionDoesNotMatter(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<100 {
      let keys = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
        Int.random(in: -500...500, using: &generator)
      }
      var (first, second) = ([Int: String](), [Int: String](minimumCapacity: 1000))
      for key in keys { first[key] = "v\(key)" }
      for key in keys.shuffled(using: &generator) { second[key] = "v\(key)" }
      let encode = CBOREncoder()
      #expect(try encode.encode(first) == encode.encode(second))
      #expect(try encode.encode(Set(first.keys)) == encode.encode(Set(second.keys)))
      let (byPoint, byPointToo) = (keyedByPoint(first), keyedByPoint(second))
      #expect(try encode.encode(byPoint) == encode.encode(byPointToo))
      #expect(try CBORDecoder().decode([Int: String].self, from: encode.encode(first)) == first)
      #expect(
        try CBORDecoder().decode(Set<Int>.self, from: encode.encode(Set(first.keys))) == Set(first.keys))
      #expect(try CBORDecoder().decode([Point: String].self, from: encode.encode(byPoint)) == byPoint)
    }
  }

  private func keyedByPoint(_ dictionary: [Int: String]) -> [Point: String] {
    var result = [Point: String](minimumCapacity: dictionary.capacity)
    for (key, value) in dictionary { result[Point(x: key, y: -key)] = value }
    return result
  }

  /// What decodes at all is canonical, and equals what the model reads; nothing traps.
  @Test(arguments: [6, 7, 8] as [UInt64])
  func damagedBytesAreRefusedOrAnotherValue(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var accepted = 0
    var whole: [UInt8] = []
    for round in 0..<15_000 {
      if round % 3 == 0 { whole = try CBOREncoder().encode(DynamicValue.random(depth: 3, using: &generator)) }
      let bytes = damaged(whole, using: &generator)
      do throws(CodingFailure) {
        _ = try CBORDecoder().decode(DynamicValue.self, from: bytes)
        accepted += 1
        #expect((try? CBORModel(parsing: bytes))?.encoded == bytes, "seed \(seed), round \(round)")
      } catch {
        #expect((0...bytes.count).contains(error.offset ?? 0), "seed \(seed), round \(round): \(error)")
      }
      // The same bytes for types that want something else.
      _ = try? CBORDecoder().decode(Everything.self, from: bytes)
      _ = try? CBORDecoder().decode([String: [UInt8]].self, from: bytes)
    }
    #expect(accepted > 100)
  }

  @Test(arguments: [9, 10] as [UInt64])
  func damagedRecordsNeverTrap(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let whole = try CBOREncoder().encode(Everything.example)
    for end in 0..<whole.count {
      #expect(throws: CodingFailure.self) {
        try CBORDecoder().decode(Everything.self, from: Array(whole[..<end]))
      }
    }
    for _ in 0..<10_000 {
      let bytes = damaged(whole, using: &generator)
      if let value = try? CBORDecoder().decode(Everything.self, from: bytes) {
        _ = try CBOREncoder().encode(value)
      }
    }
  }

  private func damaged(_ bytes: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
      let index = Int.random(in: 0..<bytes.count, using: &generator)
      switch Int.random(in: 0..<5, using: &generator) {
      case 0: bytes[index] = UInt8.random(in: 0...0xFF, using: &generator)
      case 1: bytes[index] ^= 1 << UInt8.random(in: 0...7, using: &generator)
      case 2: bytes.remove(at: index)
      case 3: bytes.insert(UInt8.random(in: 0...0xFF, using: &generator), at: index)
      default: bytes.removeSubrange(index...)
      }
    }
    return bytes
  }
}
