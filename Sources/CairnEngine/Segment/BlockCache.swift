import Synchronization

/// Keeps data blocks in memory, up to a number of bytes, for all segments of a store.
///
/// A block is found by the reader that loaded it and its offset. What is found is shared, not copied, and
/// was checked when it was loaded. Sharded by the hash of the key; each shard has its own lock, held for a
/// few dozen instructions and never during a read. See ``BlockCacheShard`` for what is evicted.
final class BlockCache: Sendable {
  /// What the blocks of all shards may take.
  let capacityBytes: Int
  /// Serves the readers that fill the cache.
  let decompressor = BlockDecompressor()

  private static let shardBits = 4
  /// Invariant: `1 << shardBits` initialized shards, from `init` to `deinit`. Raw memory, since a lock can
  /// neither be copied nor stored in an array, and an object for each would be retained on every look.
  nonisolated(unsafe) private let shards: UnsafeMutablePointer<Mutex<BlockCacheShard>>
  private let nextReader = Atomic<UInt64>(1)

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

  /// A number that no reader of this cache had before.
  func makeReaderIdentity() -> UInt64 {
    nextReader.add(1, ordering: .relaxed).oldValue
  }

  @inline(__always)
  func block(reader: UInt64, offset: UInt64) -> Block? {
    let hash = Self.hash(reader, offset)
    return shards[Self.shard(hash)].withLock { $0.find(reader, offset, hash: hash) }
  }

  /// Takes a block in. One that is there already stays; one that is too large for its shard is not kept.
  func insert(_ block: Block, reader: UInt64, offset: UInt64) {
    let hash = Self.hash(reader, offset)
    shards[Self.shard(hash)].withLock { $0.insert(block, reader, offset, hash: hash) }
  }

  /// Drops every block of a reader.
  func erase(reader: UInt64) {
    for index in 0..<1 << Self.shardBits {
      shards[index].withLock { $0.erase(reader) }
    }
  }

  /// What the blocks take now.
  var usedBytes: Int {
    (0..<1 << Self.shardBits).reduce(0) { sum, index in sum + shards[index].withLock { $0.usedBytes } }
  }

  @inline(__always)
  private static func hash(_ reader: UInt64, _ offset: UInt64) -> UInt64 {
    var value = (reader &* 0x9E37_79B9_7F4A_7C15) ^ offset
    value = (value ^ (value >> 32)) &* 0xD6E8_FEB8_6659_FD93
    return value ^ (value >> 32)
  }

  /// The hash's high bits; a shard uses the low ones.
  @inline(__always)
  private static func shard(_ hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash >> UInt64(64 - shardBits))
  }
}
