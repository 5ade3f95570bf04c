import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// Liveness against a set.
@Suite struct ValueLivenessTests {
  private static func handle(_ ordinal: UInt32, storedBytes: UInt64, origin: UInt64 = 9) -> ValueHandle {
    ValueHandle(origin: origin, ordinal: ordinal, rawBytes: 100, storedBytes: storedBytes)
  }

  @Test(arguments: 0..<24) func livenessIsASet(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let count = UInt32([1, 2, 10, 100, 500][seed % 5])
    let sizes = (0..<count).map { _ in UInt64.random(in: 4...5000, using: &random) }
    var liveness = try #require(
      ValueLiveness(origin: 9, recordCount: count, storedBytes: sizes.reduce(0, +)))
    var live = Set(0..<count)
    while !live.isEmpty {
      // Runs as well as single ones, and now and then something that is dead or does not exist.
      let start = UInt32.random(in: 0..<count + 2, using: &random)
      let length = UInt32.random(in: 1...max(1, count / 8), using: &random)
      let step = UInt32.random(in: 1...3, using: &random)
      let victims = (0..<length).map { start + $0 * step }
      let handles = victims.map { Self.handle($0, storedBytes: $0 < count ? sizes[Int($0)] : 4) }.shuffled(
        using: &random)
      let before = liveness
      let isPossible = victims.allSatisfy { live.contains($0) }
      let isDropped = liveness.drop(handles)
      #expect(isDropped == isPossible)
      if isPossible { live.subtract(victims) } else { #expect(liveness == before) }
      // Random victims alone would take long to find the last ones.
      if !isPossible, let one = live.randomElement(using: &random) {
        let isDropped = liveness.drop([Self.handle(one, storedBytes: sizes[Int(one)])])
        #expect(isDropped)
        live.remove(one)
      }
      #expect(liveness.liveCount == UInt32(live.count))
      #expect(liveness.liveBytes == live.reduce(0) { $0 + sizes[Int($1)] })
      #expect(Array(liveness.liveOrdinals.ordinals) == live.sorted())
      #expect(liveness.isEmpty == live.isEmpty)
      for ordinal in [start, 0, count - 1, count] {
        #expect(liveness.isLive(ordinal) == live.contains(ordinal))
      }
      #expect(liveness.encoded().withUnsafeBytes { ValueLiveness(decoding: $0) } == liveness)
    }
    #expect(liveness.liveBytes == 0)
  }

  /// Drops in any order and grouping come to the same.
  @Test func theOrderOfDropsDoesNotMatter() throws {
    var random = SeededGenerator(seed: 4)
    let whole = try #require(ValueLiveness(origin: 9, recordCount: 200, storedBytes: 2000))
    let victims = (0..<200 as Range<UInt32>).filter { $0 % 3 != 1 }
    var once = whole
    let isDropped = once.drop(victims.map { Self.handle($0, storedBytes: 10) })
    #expect(isDropped)
    var single = whole
    for victim in victims.shuffled(using: &random) {
      let isDropped = single.drop([Self.handle(victim, storedBytes: 10)])
      #expect(isDropped)
    }
    #expect(single == once)
    #expect(single.encoded() == once.encoded())
  }

  @Test func contradictionsAreRefused() throws {
    let whole = try #require(ValueLiveness(origin: 9, recordCount: 3, storedBytes: 30))
    for handles in [
      [], [Self.handle(0, storedBytes: 10, origin: 8)], [Self.handle(3, storedBytes: 10)],
      [Self.handle(0, storedBytes: 31)], [Self.handle(0, storedBytes: 3)], [Self.handle(0, storedBytes: 23)],
      [Self.handle(.max, storedBytes: 10)], [Self.handle(0, storedBytes: 4), Self.handle(0, storedBytes: 4)],
      [Self.handle(0, storedBytes: .max), Self.handle(1, storedBytes: 11)],
      [Self.handle(0, storedBytes: 5), Self.handle(1, storedBytes: 5), Self.handle(2, storedBytes: 5)],
    ] {
      var liveness = whole
      let isDropped = liveness.drop(handles)
      #expect(!isDropped, "\(handles)")
      #expect(liveness == whole)
    }
    #expect(ValueLiveness(origin: 0, recordCount: 1, storedBytes: 4) == nil)
    #expect(ValueLiveness(origin: 1, recordCount: 0, storedBytes: 0) == nil)
    #expect(ValueLiveness(origin: 1, recordCount: 2, storedBytes: 7) == nil)
    #expect(ValueLiveness(origin: 1, recordCount: .max, storedBytes: .max)?.liveCount == .max)
  }

  @Test func dropsAreGroupedByOrigin() throws {
    let handles = [(7, 2), (9, 1), (7, 1), (9, 5), (8, 0)].map {
      Self.handle(UInt32($0.1), storedBytes: 10 + UInt64($0.1), origin: UInt64($0.0))
    }
    let drops = try #require(ValueDrops.grouped(handles))
    #expect(drops.map(\.origin) == [7, 8, 9])
    #expect(drops.map { Array($0.ordinals.ordinals) } == [[1, 2], [0], [1, 5]])
    #expect(drops.map(\.storedBytes) == [23, 10, 26])
    for drop in drops { #expect(drop.encoded().withUnsafeBytes { ValueDrops(decoding: $0) } == drop) }
    #expect(ValueDrops.grouped(handles + [handles[0]]) == nil)
    #expect(ValueDrops.grouped([]) == [])
  }

  /// Bytes near what is written, and bytes at random: either refused, or what they decode to is written just
  /// so.
  @Test(arguments: 0..<8) func decodingIsStrict(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    var liveness = try #require(ValueLiveness(origin: 9, recordCount: 500, storedBytes: 50_000))
    let victims = (0..<500 as Range<UInt32>).filter { _ in Int.random(in: 0..<4, using: &random) == 0 }
    let handles = victims.map { Self.handle($0, storedBytes: 100) }
    let isDropped = liveness.drop(handles)
    #expect(isDropped)
    let drops = try #require(ValueDrops(origin: 9, handles))
    for original in [liveness.encoded(), drops.encoded()] {
      for _ in 0..<2000 {
        var bytes = original
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
        case 1:
          bytes = (0..<Int.random(in: 0...12, using: &random)).map { _ in
            UInt8(truncatingIfNeeded: random.next())
          }
        default: break
        }
        for _ in 0..<Int.random(in: 0...2, using: &random) where !bytes.isEmpty {
          let offset = Int.random(in: bytes.indices, using: &random)
          bytes[offset] =
            [0, 1, 0x7F, 0x80, 0xFF, UInt8(truncatingIfNeeded: random.next())].randomElement(using: &random)
            ?? 0
        }
        if let decoded = bytes.withUnsafeBytes({ ValueLiveness(decoding: $0) }) {
          #expect(decoded.encoded() == bytes)
          #expect(decoded.liveCount <= decoded.recordCount)
        }
        if let decoded = bytes.withUnsafeBytes({ ValueDrops(decoding: $0) }) {
          #expect(decoded.encoded() == bytes)
          var changed = liveness
          _ = changed.drop(decoded)
        }
      }
    }
  }

  /// Ranges at the very end of the numbers, and counts that no input can hold.
  @Test func extremeSetsAreDecoded() {
    func decode(_ numbers: [UInt64]) -> OrdinalSet? {
      var bytes: [UInt8] = []
      for number in numbers { bytes.append(varint: number) }
      return bytes.withUnsafeBytes { memory in
        var reader = ByteReader(memory)
        return OrdinalSet(decodingFrom: &reader)
      }
    }
    let greatest = UInt64(UInt32.max)
    #expect(decode([1, 0, greatest - 1])?.count == UInt32.max)
    #expect(decode([1, 0, greatest]) == nil)
    #expect(decode([1, greatest - 1, 0])?.greatest == UInt32.max - 1)
    #expect(decode([1, greatest, 0]) == nil)
    #expect(decode([2, 0, 0, 0, 0]) == nil)
    #expect(decode([.max, 0, 0]) == nil)
    #expect(decode([1, .max, .max]) == nil)
    #expect(decode([0]) == OrdinalSet())
    #expect(OrdinalSet([3, 3]) == nil)
    #expect(OrdinalSet([.max]) == nil)
  }
}
