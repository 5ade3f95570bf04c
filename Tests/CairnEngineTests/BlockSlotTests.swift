import CairnTesting
import Dispatch
import Synchronization
import Testing

@testable import CairnEngine

/// The places where open segments find their blocks in the cache.
@Suite struct BlockSlotTests {
  /// Words for blocks, as a segment has them.
  private final class Words: Sendable {
    nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>
    let count: Int

    init(_ count: Int) {
      self.count = count
      words = .allocate(capacity: count)
      for index in 0..<count { (words + index).initialize(to: Atomic(0)) }
    }

    deinit {
      words.deinitialize(count: count)
      words.deallocate()
    }

    subscript(index: Int) -> BlockSlot { BlockSlot(words + index) }
    func raw(_ index: Int) -> UInt64 { words[index].load(ordering: .relaxed) }
  }

  /// A block that says its number in every byte.
  private static func block(_ number: Int, bytes: Int = 100) throws -> Block {
    var builder = BlockBuilder()
    let value = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: bytes)
    value.withUnsafeBytes { value in
      builder.add(
        key: UnsafeRawBufferPointer(start: nil, count: 0), EntryTrailer(sequence: 1, kind: .value),
        value: value)
    }
    var payload = AppendBuffer(capacity: 64)
    builder.finish(into: &payload)
    return try #require(Block.make(payload.bytes, isIndex: false))
  }

  private static func says(_ block: Block, _ number: Int) -> Bool {
    withExtendedLifetime(block) {
      block.view.entry(at: 0).value.allSatisfy { $0 == UInt8(truncatingIfNeeded: number) }
    }
  }

  @Test func holdsWhatTheCacheHolds() throws {
    let words = Words(2)
    let cache = BlockCache(capacityBytes: 1 << 20)
    let block = try Self.block(1)
    #expect(words[0].take() == nil)
    cache.insert(block, segment: 1, offset: 0, place: words[0])
    #expect(words[0].take() === block)
    // A second opening of the same segment finds it in the cache, for as long as the first one is open.
    #expect(cache.block(segment: 1, offset: 0, place: words[1]) === block)
    #expect(words[1].take() == nil)
    cache.abandon(words[0], segment: 1, offset: 0)
    #expect(cache.block(segment: 1, offset: 0, place: words[1]) === block)
    #expect(words[1].take() === block)
    cache.erase(segment: 1)
    #expect(words[1].take() == nil)
    #expect(cache.block(segment: 1, offset: 0) == nil)
  }

  @Test func isEmptyOnceTheBlockIsEvicted() throws {
    let words = Words(4000)
    let cache = BlockCache(capacityBytes: 400_000)
    for number in 0..<4000 {
      cache.insert(try Self.block(number), segment: 1, offset: UInt64(number), place: words[number])
      #expect(cache.usedBytes <= 400_000)
    }
    let held = (0..<4000).filter { !words[$0].isEmpty }
    #expect(!held.isEmpty)
    #expect(held == (0..<4000).filter { cache.block(segment: 1, offset: UInt64($0)) != nil })
    cache.reserve(400_000)
    #expect((0..<4000).allSatisfy { words[$0].take() == nil })
  }

  @Test func whatIsUsedThroughItsPlaceStays() throws {
    let words = Words(200)
    let cache = BlockCache(capacityBytes: 320_000)
    for number in 0..<200 {
      cache.insert(try Self.block(number), segment: 1, offset: UInt64(number), place: words[number])
    }
    for round in 0..<20 {
      for number in 0..<200 { _ = words[number].take() }
      for number in 0..<200 {
        cache.insert(try Self.block(number), segment: 2, offset: UInt64(round * 200 + number))
      }
    }
    #expect((0..<200).filter { words[$0].take() != nil }.count > 150)
  }

  @Test func aPinKeepsTheBlock() throws {
    let words = Words(1)
    let cache = BlockCache(capacityBytes: 400_000)
    var block: Block? = try Self.block(1)
    weak let watched = block
    if let block { cache.insert(block, segment: 1, offset: 0, place: words[0]) }
    block = nil
    // As a thread does that is stopped between its look at the word and the count of its reference.
    words.words[0].wrappingAdd(1 << 48, ordering: .acquiring)
    cache.reserve(400_000)
    cache.erase(segment: 1)
    #expect(watched != nil)
    cache.release(400_000)
    words.words[0].wrappingSubtract(1 << 48, ordering: .releasing)
    #expect(words[0].take() != nil)
    cache.reserve(400_000)
    #expect(watched == nil)
    #expect(words.raw(0) == 0)
  }

  /// Threads take blocks while others have them evicted: whatever is taken is whole, and when all is over only
  /// the cache holds blocks.
  @Test(arguments: [1, 2, 3] as [UInt64]) func takenBlocksSurviveEviction(seed: UInt64) throws {
    let words = Words(1500)
    let cache = BlockCache(capacityBytes: 240_000)
    let wrong = Atomic<Int>(0)
    let taken = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
      var random = SeededGenerator(seed: seed &* 31 &+ UInt64(thread))
      for _ in 0..<30_000 {
        // Most looks go to few blocks, which several threads take at once.
        let isHot = Int.random(in: 0..<4, using: &random) > 0
        let number = Int.random(in: 0..<(isHot ? 100 : 1500), using: &random)
        if let block = words[number].take() {
          taken.add(1, ordering: .relaxed)
          if !Self.says(block, number) { wrong.add(1, ordering: .relaxed) }
        } else if let block = cache.block(segment: 1, offset: UInt64(number), place: words[number]) {
          if !Self.says(block, number) { wrong.add(1, ordering: .relaxed) }
        } else if let block = try? Self.block(number) {
          cache.insert(block, segment: 1, offset: UInt64(number), place: words[number])
        }
        if Int.random(in: 0..<256, using: &random) == 0 {
          cache.reserve(60_000)
          cache.release(60_000)
        }
      }
    }
    #expect(wrong.load(ordering: .relaxed) == 0, "seed \(seed)")
    #expect(taken.load(ordering: .relaxed) > 0)
    #expect(cache.usedBytes <= 240_000)
    cache.reserve(240_000)
    #expect((0..<1500).allSatisfy { words.raw($0) == 0 }, "seed \(seed): a pin or a block is left")
  }
}
