import CZstd
import CairnKV

/// What the blocks of one segment have in common, for zstd to refer to.
///
/// Blocks of 4 KiB are so short that each would spend much of its compressed length on saying what the others
/// have said already. Measured with zstd 1 on records as JSON and on prose, a dictionary of 4 KiB makes blocks
/// 4 to 14 % smaller at the same speed, for 3 ms of preparation a segment and 30 KiB of memory while it is
/// open. One of 16 KiB gains no more on records, and twice as much on prose. Training one
/// (`ZDICT_trainFromBuffer`) takes 60 to 100 ms and gains no more than taking pieces of the first blocks as they
/// are, with the statistics of them all.
enum CompressionDictionary {
  /// Blocks are gathered up to so many bytes before the dictionary is made of them.
  static let sampleBytes = 512 << 10
  /// A segment with less than this in it stores its blocks without one.
  static let leastSampleBytes = 64 << 10
  /// The longest that a segment may have.
  static let greatestBytes = 128 << 10
  /// The least that zstd makes.
  static let leastBytes = 256

  private static let pieceBytes = 256
  /// What the statistics in front of the pieces take at most.
  private static let statisticsBytes = 1024
  /// Numbers below are reserved by the format.
  private static let firstFreeIdentifier: UInt32 = 1 << 15

  /// A dictionary of at most `bytes` bytes made of blocks that lie one after the other in `samples`; `nil` when
  /// there are too few, or nothing to be learned from them.
  static func make(of samples: UnsafeRawBufferPointer, lengths: [Int], bytes: Int, level: Int) -> [UInt8]? {
    let pieceCount = (bytes - statisticsBytes) / pieceBytes
    guard samples.count >= leastSampleBytes, pieceCount > 0, bytes <= greatestBytes else { return nil }
    var content: [UInt8] = []
    content.reserveCapacity(pieceCount * pieceBytes)
    let stride = (samples.count - pieceBytes) / pieceCount
    guard stride >= pieceBytes else { return nil }
    for piece in 0..<pieceCount {
      content.append(contentsOf: samples[piece * stride..<piece * stride + pieceBytes])
    }
    var parameters = ZDICT_params_t()
    parameters.compressionLevel = Int32(clamping: level)
    // Fixed, so that the same entries always make the same file.
    parameters.dictID = firstFreeIdentifier
    var size = 0
    let dictionary = [UInt8](unsafeUninitializedCapacity: bytes) { memory, count in
      size = ZDICT_finalizeDictionary(
        memory.baseAddress, bytes, content, content.count, samples.baseAddress, lengths,
        UInt32(clamping: lengths.count), parameters)
      count = ZDICT_isError(size) == 0 ? min(size, bytes) : 0
    }
    return dictionary.isEmpty ? nil : dictionary
  }
}

/// A segment's dictionary, made ready for compressing.
///
/// Invariant: `pointer` is owned by this object, and never changed.
final class DictionaryForCompression {
  let bytes: [UInt8]
  fileprivate let pointer: OpaquePointer

  init?(_ bytes: [UInt8], level: Int) {
    guard let pointer = ZSTD_createCDict(bytes, bytes.count, Int32(clamping: level)) else { return nil }
    self.bytes = bytes
    self.pointer = pointer
  }

  deinit { ZSTD_freeCDict(pointer) }

  /// As `ZSTD_compressCCtx`.
  func compress(
    _ payload: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, _ context: OpaquePointer
  ) -> Int {
    ZSTD_compress_usingCDict(
      context, output.baseAddress, output.count, payload.baseAddress, payload.count, pointer)
  }
}

/// A segment's dictionary, made ready for decompressing.
///
/// Invariant: `pointer` is owned by this object, and never changed: it may be used from several threads.
final class DictionaryForDecompression: @unchecked Sendable {
  fileprivate let pointer: OpaquePointer
  /// What it takes in memory.
  let memoryBytes: Int

  /// `nil` for bytes that zstd does not accept as a dictionary of its own format.
  init?(_ bytes: UnsafeRawBufferPointer) {
    // Zero: no dictionary that has statistics, though zstd would take it as mere content.
    guard ZDICT_getDictID(bytes.baseAddress, bytes.count) != 0,
      let pointer = ZSTD_createDDict(bytes.baseAddress, bytes.count)
    else { return nil }
    self.pointer = pointer
    memoryBytes = ZSTD_sizeof_DDict(pointer)
  }

  deinit { ZSTD_freeDDict(pointer) }

  /// As `ZSTD_decompressDCtx`.
  func decompress(
    _ frame: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, _ context: OpaquePointer
  ) -> Int {
    ZSTD_decompress_usingDDict(
      context, output.baseAddress, output.count, frame.baseAddress, frame.count, pointer)
  }
}
