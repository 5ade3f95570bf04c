import CairnKV
import Synchronization

/// Blocks of entries that follow each other in a segment, on their way to the file: gathered, compressed by whoever
/// gets to it first, written.
///
/// Invariant that makes sharing it sound: until it is closed it belongs to the segment's builder; from
/// then on to the one who has claimed it, until ``isDone``; then to the builder again.
final class BlockRun: @unchecked Sendable {
  struct Block {
    var payloadBytes: Int
    /// 0: it is stored as it is.
    var compressedBytes: Int
    /// The first entry.
    var key: [UInt8]
    var trailer: EntryTrailer
  }

  /// Nobody may claim it. A helper's job that comes late may be of a former use of the same run.
  private static let gathering: UInt8 = 0
  private static let waiting: UInt8 = 1
  private static let claimed: UInt8 = 2
  private static let done: UInt8 = 3

  private var payloads: AppendBuffer
  private var compressed: AppendBuffer
  private(set) var blocks: [Block] = []
  private let progress = Atomic<UInt8>(BlockRun.gathering)
  private let completion = ThreadParker()

  init(capacity: Int) {
    payloads = AppendBuffer(capacity: capacity)
    compressed = AppendBuffer(capacity: 0)
  }

  var payloadBytes: Int { payloads.count }
  var bytes: UnsafeRawBufferPointer { payloads.bytes }

  func append(_ payload: UnsafeRawBufferPointer, _ key: [UInt8], _ trailer: EntryTrailer) {
    payloads.append(payload)
    blocks.append(Block(payloadBytes: payload.count, compressedBytes: 0, key: key, trailer: trailer))
  }

  /// Empties it for other blocks, without memory beyond `keeping` bytes.
  func reset(keeping: Int) {
    payloads.removeAll(keeping: keeping)
    compressed.removeAll(keeping: keeping)
    blocks.removeAll(keepingCapacity: true)
    progress.store(Self.gathering, ordering: .relaxed)
  }

  // MARK: Compressing

  /// Lets it be claimed: no block is added any more.
  func close() { progress.store(Self.waiting, ordering: .releasing) }

  /// Whether it is the caller's to compress from now on.
  func claim() -> Bool {
    progress.compareExchange(expected: Self.waiting, desired: Self.claimed, ordering: .acquiringAndReleasing)
      .exchanged
  }

  var isDone: Bool { progress.load(ordering: .acquiring) == Self.done }

  /// Compresses every block for which that pays. Only by whoever has claimed it.
  func compress(with compressor: BlockCompressor) {
    var start = 0
    for index in blocks.indices {
      let end = start + blocks[index].payloadBytes
      if let frame = compressor.compress(UnsafeRawBufferPointer(rebasing: payloads.bytes[start..<end])) {
        compressed.append(frame)
        blocks[index].compressedBytes = frame.count
      }
      start = end
    }
    progress.store(Self.done, ordering: .releasing)
    completion.unpark()
  }

  /// Waits for the one who has claimed it. Only the builder does.
  func waitUntilDone() {
    while !isDone { completion.park() }
  }

  /// How many blocks are compressed, and what is stored of all of them.
  var compressedCount: Int { blocks.reduce(0) { $0 + ($1.compressedBytes > 0 ? 1 : 0) } }

  /// The blocks in order, each with what is stored of it.
  func visit(
    _ body: (Block, _ stored: UnsafeRawBufferPointer) throws(StorageError) -> Void
  ) throws(StorageError) {
    var start = 0
    var compressedStart = 0
    for block in blocks {
      if block.compressedBytes > 0 {
        let end = compressedStart + block.compressedBytes
        try body(block, UnsafeRawBufferPointer(rebasing: compressed.bytes[compressedStart..<end]))
        compressedStart = end
      } else {
        try body(block, UnsafeRawBufferPointer(rebasing: payloads.bytes[start..<start + block.payloadBytes]))
      }
      start += block.payloadBytes
    }
  }
}
