import Testing

@testable import CairnCommand

@Suite struct NearDuplicateTests {
  private func sketch(_ words: [Int]) -> DocumentSketch {
    DocumentSketch(
      wordHashes: words.map { word in
        var mixer = SeededGenerator(seed: UInt64(word))
        return mixer.next()
      })
  }

  @Test func similarityOfSmallDocumentsIsExact() {
    // Words 0...11 have ten shingles; 2...13 share eight of twelve in all.
    #expect(sketch(Array(0...11)).similarityPercent(to: sketch(Array(2...13))) == 66)
    #expect(sketch([1]).similarityPercent(to: sketch([1])) == 100)
    #expect(sketch([]).similarityPercent(to: sketch([])) == 0)
    #expect(sketch([1, 2, 3]).similarityPercent(to: sketch([])) == 0)
    #expect(sketch([1, 2, 3]).similarityPercent(to: sketch([3, 2, 1])) == 0)
  }

  @Test(arguments: 0..<50)
  func similarityOfLargeDocumentsIsNear(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let shared = (0..<random.pick(0...2000)).map { _ in random.pick(0...1_000_000) }
    let own = (0..<random.pick(0...2000)).map { _ in random.pick(0...1_000_000) }
    let left = sketch(shared)
    let right = sketch(shared + own)
    let truth = shared.count < 3 ? 0 : 100 * (shared.count - 2) / (shared.count + own.count - 2)
    let estimate = left.similarityPercent(to: right)
    // Five standard errors.
    #expect(abs(estimate - truth) <= 32, "seed \(seed): \(estimate) for \(truth)")
    #expect(estimate == right.similarityPercent(to: left))
  }

  @Test func memoryIsBoundedAndForgetsTheOldest() {
    var earlier = NearDuplicates()
    for number in 1...(NearDuplicates.capacity + 1) { earlier.remember(sketch([3 * number]), number: number) }
    #expect(earlier.match(sketch([3])) == nil)
    #expect(earlier.match(sketch([6]))?.number == 2)
    #expect(earlier.match(sketch([6]))?.similarityPercent == 100)
  }

  @Test func earliestOfEqualsIsNamed() {
    var earlier = NearDuplicates()
    earlier.remember(sketch([1, 2, 3, 4]), number: 4)
    earlier.remember(sketch([1, 2, 3, 4]), number: 5)
    #expect(earlier.match(sketch([1, 2, 3, 4]))?.number == 4)
  }
}
