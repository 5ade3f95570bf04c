import Synchronization

/// Keeps data blocks in memory, up to a number of bytes, for all segments of a store.
///
/// The same bytes are the budget of what open files keep otherwise, their indexes and filters: what is
/// reserved for that is taken from the blocks.
///
/// A block is found by its segment's number, which no other segment of the store ever has, and its offset.
/// So blocks stay when a segment is closed, and serve it again when it is opened the next time. What is
/// found is shared, not copied, and was checked when it was loaded. Sharded by the hash of the key; each
/// shard has its own lock, never held during a read. See
/// ``BlockCacheShard`` for what is evicted.
final class BlockCache: Sendable {
  /// What the blocks of all shards may take, together with what is reserved.
  let capacityBytes: Int
  /// Serves the readers that fill the cache.
  let decompressor = BlockDecompressor()

  private static let shardBits = 4
  /// Invariant: `1 << shardBits` initialized shards, from `init` to `deinit`. Raw memory, since a lock can
  /// neither be copied nor stored in an array, and an object for each would be retained on every look.
  nonisolated(unsafe) private let shards: UnsafeMutablePointer<Mutex<BlockCacheShard>>
  private let reserved = Mutex(0)
  private let found = Lanes { Atomic<UInt64>(0) }
  private let loaded = Atomic<UInt64>(0)

  init(capacityBytes: Int) {
    self.capacityBytes = max(capacityBytes, 0)
    let count = 1 << Self.shardBits
    shards = .allocate(capacity: count)
    for index in 0..<count {
      (shards + index).initialize(to: Mutex(BlockCacheShard(capacityBytes: self.capacityBytes / count)))
    }
  }

  deinit {
    shards.deinitialize(count: 1 << Self.shardBits)
    shards.deallocate()
  }

  /// Takes memory away from the blocks, which are evicted as far as need be.
  func reserve(_ bytes: Int) { changeReserved(by: bytes) }

  /// Gives memory back to the blocks.
  func release(_ bytes: Int) { changeReserved(by: -bytes) }

  private func changeReserved(by bytes: Int) {
    reserved.withLock { reserved in
      reserved += bytes
      let share = max(0, capacityBytes - reserved) >> Self.shardBits
      for index in 0..<1 << Self.shardBits { shards[index].withLock { $0.limit(to: share) } }
    }
  }

  /// Counts a block that was found in memory. To add without an atomic operation may lose some, where threads share a
  /// lane, and costs a tenth.
  @inline(__always)
  func countHit() {
    let lane = found[Lanes<Atomic<UInt64>>.own]
    lane.pointee.store(lane.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
  }

  /// Counts one that was read from its file.
  func countMiss() { loaded.wrappingAdd(1, ordering: .relaxed) }

  var hits: UInt64 {
    (0..<Lanes<Atomic<UInt64>>.count).reduce(0) { $0 &+ found[$1].pointee.load(ordering: .relaxed) }
  }
  var misses: UInt64 { loaded.load(ordering: .relaxed) }

  /// What is reserved now.
  var reservedBytes: Int { reserved.withLock { $0 } }

  /// - Parameter place: where the segment will look for the block the next time.
  func block(segment: UInt64, offset: UInt64, place: BlockSlot? = nil) -> Block? {
    let hash = Self.hash(segment, offset)
    return shards[Self.shard(hash)].withLock { $0.find(segment, offset, hash: hash, place: place) }
  }

  /// Takes a block in. One that is there already stays; one that is too large for its shard is not kept.
  /// - Parameter place: where the segment will look for the block the next time.
  func insert(_ block: Block, segment: UInt64, offset: UInt64, place: BlockSlot? = nil) {
    let hash = Self.hash(segment, offset)
    let block = SharedBlock(block: block)
    shards[Self.shard(hash)].withLock { $0.insert(block, segment, offset, hash: hash, place: place) }
  }

  /// Never writes to a place again that was given for a block.
  func abandon(_ place: BlockSlot, segment: UInt64, offset: UInt64) {
    let hash = Self.hash(segment, offset)
    shards[Self.shard(hash)].withLock { $0.abandon(place, segment, offset, hash: hash) }
  }

  /// Drops every block of a segment.
  func erase(segment: UInt64) {
    for index in 0..<1 << Self.shardBits {
      shards[index].withLock { $0.erase(segment) }
    }
  }

  /// What the blocks and the tables that they are found by take now, together with what is reserved: never
  /// more than the capacity, but for the tables of an empty cache, 3 KiB a shard, and for what is reserved
  /// beyond it by readers in use.
  var accountedBytes: Int {
    reservedBytes
      + (0..<1 << Self.shardBits).reduce(0) { sum, index in
        sum + shards[index].withLock { $0.usedBytes + $0.tableBytes }
      }
  }

  /// What the blocks take now.
  var usedBytes: Int {
    (0..<1 << Self.shardBits).reduce(0) { sum, index in sum + shards[index].withLock { $0.usedBytes } }
  }

  @inline(__always)
  private static func hash(_ segment: UInt64, _ offset: UInt64) -> UInt64 {
    var value = (segment &* 0x9E37_79B9_7F4A_7C15) ^ offset
    value = (value ^ (value >> 32)) &* 0xD6E8_FEB8_6659_FD93
    return value ^ (value >> 32)
  }

  /// The hash's high bits; a shard uses the low ones.
  @inline(__always)
  private static func shard(_ hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash >> UInt64(64 - shardBits))
  }
}
