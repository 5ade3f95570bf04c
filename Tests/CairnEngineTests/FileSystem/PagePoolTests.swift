import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct PagePoolTests {
  private static let page = 64 << 10

  @Test func whatIsGivenIsTakenAgain() {
    let pool = PagePool(limit: 10 * Self.page)
    let first = pool.take(2 * Self.page)
    let address = first.address
    pool.give(first)
    #expect(pool.bytes == 2 * Self.page)
    // Not for what is a quarter shorter: the rest would lie idle.
    let short = pool.take(Self.page)
    #expect(short.address != address)
    pool.give(short)
    pool.give(pool.take(2 * Self.page))
    #expect(pool.bytes <= 10 * Self.page)
    pool.removeAll()
    #expect(pool.bytes == 0)
  }

  /// Random pieces come and go: every one is as long as was asked for, and no two overlap; what waits stays within
  /// the limit, and what is in use and what waits together never exceeds what was once in use, and the limit.
  @Test(arguments: 1...20 as ClosedRange<UInt64>) func piecesNeverOverlap(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let limit = 8 * Self.page
    let pool = PagePool(limit: limit)
    var taken: [(piece: PageMemory, fill: UInt8)] = []
    for step in 0..<400 {
      if taken.isEmpty || random.isHit(oneIn: 2) && taken.count < 12 {
        let size = 1 + random.below(random.isHit(oneIn: 3) ? Self.page : 4 * Self.page)
        let piece = pool.take(size)
        #expect(piece.count >= size)
        #expect(piece.count <= max(size + size / 4, Self.page), "seed \(seed)")
        let fill = UInt8(truncatingIfNeeded: step)
        piece.address.initializeMemory(as: UInt8.self, repeating: fill, count: piece.count)
        taken.append((piece, fill))
      } else {
        let (piece, fill) = taken.remove(at: random.below(taken.count))
        let bytes = UnsafeRawBufferPointer(start: piece.address, count: piece.count)
        #expect(bytes.allSatisfy { $0 == fill }, "seed \(seed), step \(step)")
        pool.give(piece)
      }
      #expect(pool.bytes <= limit)
    }
    for (piece, _) in taken { pool.give(piece) }
  }

  /// For a piece that is made anew, as much is given back.
  @Test func piecesOfTheWrongLengthDoNotPileUp() {
    let pool = PagePool(limit: 8 * Self.page)
    let pieces = (0..<8).map { _ in pool.take(Self.page) }
    for piece in pieces { pool.give(piece) }
    #expect(pool.bytes == 8 * Self.page)
    let large = pool.take(6 * Self.page)
    #expect(pool.bytes == 2 * Self.page)
    pool.give(large)
  }
}
