import CairnTesting
import Testing

@testable import CairnEngine

/// The block cache against a dictionary of everything that was ever put into it.
@Suite struct BlockCacheTests {
  private func block(_ number: Int, bytes: Int) throws -> Block {
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

  private struct Key: Hashable {
    var segment: UInt64
    var offset: UInt64
  }

  @Test(arguments: 0..<12) func agreesWithAModel(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let capacity = [0, 3_000, 60_000, 400_000, 40_000_000][seed % 5]
    let cache = BlockCache(capacityBytes: capacity)
    var model: [Key: Block] = [:]
    for step in 0..<6000 {
      // Half of all looks go to few keys, so that some blocks have been used when their turn to go comes.
      let isHot = Bool.random(using: &random)
      let key = Key(
        segment: UInt64.random(in: 1...4, using: &random),
        offset: UInt64.random(in: 0..<(isHot ? 10 : 400), using: &random) * 4096)
      let cached = cache.block(segment: key.segment, offset: key.offset)
      if let cached {
        #expect(cached === model[key])
      } else {
        let block = try block(step, bytes: Int.random(in: 0...900, using: &random))
        model[key] = block
        cache.insert(block, segment: key.segment, offset: key.offset)
        // A second one under the same key changes nothing that can be seen, except where the first was too
        // large.
        if cache.block(segment: key.segment, offset: key.offset) != nil {
          cache.insert(try self.block(step, bytes: 5), segment: key.segment, offset: key.offset)
          #expect(cache.block(segment: key.segment, offset: key.offset) === block)
        }
      }
      #expect(cache.usedBytes <= capacity)
      if Int.random(in: 0..<500, using: &random) == 0 {
        let segment = UInt64.random(in: 1...4, using: &random)
        cache.erase(segment: segment)
        for offset in 0..<UInt64(400) { #expect(cache.block(segment: segment, offset: offset * 4096) == nil) }
      }
    }
    // What can be found is what the cache says it holds.
    let found = model.compactMap { cache.block(segment: $0.key.segment, offset: $0.key.offset) }
    #expect(found.reduce(0) { $0 + $1.memoryBytes } == cache.usedBytes)
    for segment in UInt64(1)...4 { cache.erase(segment: segment) }
    #expect(cache.usedBytes == 0)
  }

  @Test func aScanLeavesWhatIsUsed() throws {
    let cache = BlockCache(capacityBytes: 4 << 20)
    for _ in 0..<2 {
      for number in 0..<500 where cache.block(segment: 1, offset: UInt64(number)) == nil {
        cache.insert(try block(number, bytes: 2000), segment: 1, offset: UInt64(number))
      }
    }
    for number in 0..<20_000 {
      cache.insert(try block(number, bytes: 2000), segment: 2, offset: UInt64(number))
    }
    let kept = (0..<500).filter { cache.block(segment: 1, offset: UInt64($0)) != nil }
    #expect(kept.count > 450)
  }

  @Test func largeBlocksAreNotKept() throws {
    let cache = BlockCache(capacityBytes: 160_000)
    cache.insert(try block(1, bytes: 2000), segment: 1, offset: 0)
    #expect(cache.block(segment: 1, offset: 0) == nil)
    cache.insert(try block(1, bytes: 500), segment: 1, offset: 0)
    #expect(cache.block(segment: 1, offset: 0) != nil)
  }
}
