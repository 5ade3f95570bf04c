import Synchronization

/// Memory for one memtable: handed out in order, never moved, freed all at once.
///
/// Invariant that makes sharing it between threads sound: one thread at a time allocates (the commit
/// leader); a chunk is freed only in `deinit`; and whoever reads from it holds a reference to the owner of
/// the arena and got the address through an acquiring load that pairs with the releasing store after the
/// memory was filled.
final class Arena: @unchecked Sendable {
  private var chunks: [PageMemory] = []
  private var nextAddress: UnsafeMutableRawPointer?
  private var remaining = 0
  private let pool: PagePool?
  private let firstChunkBytes: Int
  private var nextChunkBytes: Int
  private let reserved = Atomic<Int>(0)

  private static let greatestChunkBytes = 4 << 20
  private static let alignment = 8

  /// Starts small, so that an idle store costs little. Later chunks are an eighth of what there is, so that
  /// never more than that lies idle: the memtables' limits hold to within it.
  ///
  /// - Parameter pool: where chunks come from and go to; `nil` for the system.
  init(firstChunkBytes: Int, pool: PagePool? = nil) {
    self.pool = pool
    self.firstChunkBytes = firstChunkBytes
    nextChunkBytes = firstChunkBytes
  }

  deinit {
    for chunk in chunks {
      if let pool { pool.give(chunk) } else { chunk.free() }
    }
  }

  /// What has been taken from the system, in bytes. May be read from any thread.
  var reservedBytes: Int { reserved.load(ordering: .relaxed) }

  /// Eight-byte-aligned, uninitialised memory that lives as long as the arena.
  func allocate(_ count: Int) -> UnsafeMutableRawPointer {
    let rounded = (count + Self.alignment - 1) & ~(Self.alignment - 1)
    if rounded <= remaining, let address = nextAddress {
      nextAddress = address + rounded
      remaining -= rounded
      return address
    }
    // What is large gets memory of its own, so that the rest of the current chunk is not wasted on it.
    if rounded > nextChunkBytes / 4 { return newChunk(rounded) }
    let chunkBytes = nextChunkBytes
    let chunk = newChunk(chunkBytes)
    nextChunkBytes = max(firstChunkBytes, min(reservedBytes / 8, Self.greatestChunkBytes))
    nextAddress = chunk + rounded
    remaining = chunkBytes - rounded
    return chunk
  }

  private func newChunk(_ count: Int) -> UnsafeMutableRawPointer {
    let chunk = pool?.take(count) ?? PageMemory(byteCount: count)
    adopt(chunk)
    return chunk.address
  }

  /// Takes over memory in which something stands already.
  func adopt(_ chunk: PageMemory) {
    chunks.append(chunk)
    reserved.add(chunk.count, ordering: .relaxed)
  }
}
