import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct EmptyRangeSetTests {
  /// Which keys were live when, and what that lets be known.
  private struct Truth {
    var now: UInt64 = 1
    /// For each key when it was given a value last, and when that was removed, if it was.
    var lives: [[UInt8]: (began: UInt64, ended: UInt64?)] = [:]

    /// From when on nobody sees a key of the range; `nil` when somebody does now.
    func emptySince(_ range: KeyRange) -> UInt64? {
      var since: UInt64 = 0
      for (key, life) in lives where range.contains(key) {
        guard let ended = life.ended else { return nil }
        since = max(since, ended)
      }
      return since
    }
  }

  private static func key(_ random: inout SeededGenerator) -> [UInt8] {
    (0..<1 + random.below(2)).map { _ in UInt8(random.below(12)) }
  }

  private static func range(_ random: inout SeededGenerator) -> KeyRange {
    let bounds = [key(&random), key(&random)].sorted { $0.lexicographicallyPrecedes($1) }
    return KeyRange(
      from: random.isHit(oneIn: 10) ? [] : bounds[0], to: random.isHit(oneIn: 10) ? nil : bounds[1])
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>) func whatIsPassedOverIsEmpty(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var truth = Truth()
    var set = EmptyRangeSet()
    var answers = 0
    for _ in 0..<4000 {
      switch random.below(10) {
      case 0:
        truth.now += 1
        let key = Self.key(&random)
        truth.lives[key] = (truth.now, nil)
        key.withUnsafeBytes { set.cut($0) }
      case 1...3:
        truth.now += 1
        let key = Self.key(&random)
        if let life = truth.lives[key], life.ended == nil { truth.lives[key]?.ended = truth.now }
      case 4...6:
        let range = Self.range(&random)
        guard !range.isEmpty, let since = truth.emptySince(range), since <= truth.now else { continue }
        set.add(range, since: since + UInt64(random.below(Int(truth.now - since) + 1)))
      default:
        let snapshot = UInt64(random.below(Int(truth.now) + 1))
        let start = Self.key(&random)
        if let bound = set.firstToLookAt(from: start, at: snapshot) {
          let end: [UInt8]? = if case .key(let key) = bound { key } else { nil }
          let since = truth.emptySince(KeyRange(from: start, to: end))
          #expect(since.map { $0 <= snapshot } == true, "seed \(seed)")
          answers += 1
        }
        let upper = random.isHit(oneIn: 8) ? nil : start
        if let lower = set.endToLookAt(from: upper, at: snapshot) {
          let since = truth.emptySince(KeyRange(from: lower, to: upper))
          #expect(since.map { $0 <= snapshot } == true, "seed \(seed)")
          answers += 1
        }
      }
      for (left, right) in zip(set.pieces, set.pieces.dropFirst()) {
        #expect(left.upper.map { !right.lower.lexicographicallyPrecedes($0) } == true, "seed \(seed)")
      }
      #expect(!set.pieces.contains { KeyRange(from: $0.lower, to: $0.upper).isEmpty }, "seed \(seed)")
    }
    #expect(answers > 50, "seed \(seed)")
  }

  @Test func aChainServesOldReadersFromItsOldPieces() {
    var set = EmptyRangeSet()
    for index in 0..<100 {
      set.add(KeyRange(from: [UInt8(index)], to: [UInt8(index + 1)]), since: UInt64(index))
    }
    #expect(set.pieces.count == EmptyRangeSet.longestChain)
    #expect(set.firstToLookAt(from: [0], at: 99) == .key([100]))
    #expect(set.firstToLookAt(from: [0], at: 95) == .key([96]))
    #expect(set.endToLookAt(from: [100], at: 99) == [0])
    #expect(set.endToLookAt(from: [100], at: 95) == nil)
    #expect(set.endToLookAt(from: [96], at: 95) == [0])
  }

  @Test func fillingARangeThatNobodyReadsDoesNotShatterIt() {
    var set = EmptyRangeSet()
    set.add(.all, since: 1)
    for index in 0..<200 { [UInt8(index)].withUnsafeBytes { set.cut($0) } }
    #expect(set.pieces.count <= 2)
  }

  @Test func thereIsABound() {
    var set = EmptyRangeSet()
    for index in 0..<2000 {
      let key = [UInt8(index >> 8), UInt8(index & 255)]
      set.add(KeyRange(from: key, to: key + [7]), since: 1)
    }
    #expect(set.pieces.count == EmptyRangeSet.greatestCount)
    #expect(set.firstToLookAt(from: [7, 207], at: 1) == .key([7, 207, 7]))
  }
}

extension EmptyRangeSet {
  fileprivate mutating func firstToLookAt(from key: [UInt8], at snapshot: UInt64) -> Bound? {
    key.withUnsafeBytes { firstToLookAt(from: $0, at: snapshot) }
  }
}
