import CZstd
import Synchronization

/// One zstd compression context, reused from block to block: a fresh one costs more than a small block.
///
/// Invariant: `context` and `output` are owned by this object alone; not for use from two threads at once.
final class BlockCompressor {
  private let context: OpaquePointer?
  private let level: Int32
  /// What blocks that are compressed from now on may refer to.
  var dictionary: DictionaryForCompression?
  private var output = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  init(level: Int) {
    context = ZSTD_createCCtx()
    self.level = Int32(clamping: level)
  }

  deinit {
    ZSTD_freeCCtx(context)
    output.deallocate()
  }

  /// The payload compressed, good until the next call, if that saves at least 12 %; else `nil`.
  func compress(_ payload: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    let limit = payload.count - (payload.count * 12 + 99) / 100
    guard let context, limit > 0 else { return nil }
    if output.count < limit {
      output.deallocate()
      output = .allocate(byteCount: limit, alignment: 8)
    }
    let size =
      if let dictionary {
        dictionary.compress(payload, into: UnsafeMutableRawBufferPointer(rebasing: output[..<limit]), context)
      } else {
        ZSTD_compressCCtx(context, output.baseAddress, limit, payload.baseAddress, payload.count, level)
      }
    // It also fails when the result does not fit in `limit`, which is then the answer as well.
    guard ZSTD_isError(size) == 0, payload.count <= Self.greatestPayload(forStored: size) else { return nil }
    return UnsafeRawBufferPointer(rebasing: output[..<size])
  }

  /// How long a payload may be that is stored in so many compressed bytes. It bounds what a small damaged
  /// file can make a reader allocate.
  static func greatestPayload(forStored bytes: Int) -> Int {
    max(SegmentFormat.unfoldsAlwaysTo, bytes &* SegmentFormat.greatestRatio)
  }
}

/// A few zstd decompression contexts for whoever needs one.
///
/// Invariant: a context is either in `idle` or in the hands of one caller.
final class BlockDecompressor: Sendable {
  private static let idleLimit = 4
  private let idle = Mutex<[Context]>([])

  /// Owns one context. Moves between threads, but is used by one at a time.
  private final class Context: @unchecked Sendable {
    let pointer = ZSTD_createDCtx()
    deinit { ZSTD_freeDCtx(pointer) }
  }

  /// Whether `frame` is exactly one zstd frame that holds exactly `output.count` bytes; they are then in
  /// `output`.
  func decompress(
    _ frame: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
    _ dictionary: DictionaryForDecompression? = nil
  ) -> Bool {
    let context = idle.withLock { $0.popLast() } ?? Context()
    defer { idle.withLock { if $0.count < Self.idleLimit { $0.append(context) } } }
    guard let pointer = context.pointer else { return false }
    let size =
      dictionary?.decompress(frame, into: output, pointer)
      ?? ZSTD_decompressDCtx(pointer, output.baseAddress, output.count, frame.baseAddress, frame.count)
    return ZSTD_isError(size) == 0 && size == output.count
  }

  /// Whether `frame` is exactly one zstd frame that says of itself that it holds `count` bytes.
  static func isFrame(_ frame: UnsafeRawBufferPointer, of count: Int) -> Bool {
    ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count) == frame.count
      && ZSTD_getFrameContentSize(frame.baseAddress, frame.count) == UInt64(count)
  }
}
