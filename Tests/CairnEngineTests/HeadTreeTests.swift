import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct HeadTreeTests {
  /// Few different numbers, the least and the greatest among them, in all sizes about which a level begins.
  @Test(arguments: [0, 1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 511, 512, 513, 4095, 4096, 4097, 5000])
  func aSearchFindsWhatALookThroughAllFinds(count: Int) {
    var random = SeededGenerator(seed: UInt64(count))
    for bound in [3, 40, 2 * count + 1] {
      let choices: [UInt64] = (0..<bound).map { _ in random.next() } + [0, .max, .max - 1]
      let heads: [UInt64] = (0..<count).map { _ in choices[random.below(choices.count)] }.sorted()
      heads.withUnsafeBufferPointer { all in
        let empty: [UInt64] = [0]
        empty.withUnsafeBufferPointer { none in
          guard let start = all.baseAddress ?? none.baseAddress else { return }
          let tree = HeadTree(start, count: count)
          let near = choices.flatMap { [$0 &- 1, $0, $0 &+ 1] }
          for head in near.shuffled(using: &random).prefix(400) {
            let expected = heads.firstIndex { $0 >= head } ?? count
            var reached = -1
            let found = tree.firstIndex(notBelow: head) { reached = $0 }
            #expect(found == expected, "of \(count) from \(bound): \(head)")
            // Where what stands beside it is fetched.
            #expect(reached == min(expected, max(0, count - 1)) / HeadTree.groupCount)
          }
        }
      }
    }
  }
}
