import CairnKV

/// The numbers of the segment format, version 1, and what makes one segment different from the next.
///
///     data block 0 … data block n-1 │ dictionary │ index │ range removals │ filters │ properties │ footer
///
/// Range removals are absent when there are none, filters when there is no entry, the dictionary when no block
/// refers to it. Every part begins where the one before it ends; no byte of the file is unaccounted for. See
/// the section "Segment" of `format-spec.md`.
enum SegmentFormat {
  static let version: UInt32 = 1
  static let magic = [UInt8]("CAIRNSEG".utf8)
  static let footerBytes = 128

  /// What follows the stored bytes of every block: compression, payload length, checksum.
  static let blockTrailerBytes = 9
  /// The longest payload. Offsets within a block so fit 32 bits with room to spare.
  static let longestPayload = Int(Int32.max)
  /// A compressed block may unfold to this many bytes, or to this many times its stored length, if that is
  /// more.
  static let unfoldsAlwaysTo = 1 << 20
  static let greatestRatio = 1024
  /// The shortest entry: trailer, suffix length, value length.
  static let shortestEntry = 10
  /// A range's upper bound may be a key followed by a zero byte.
  static let longestBound = StorageLimits.keyBytes + 1
}

/// How a segment is written.
struct SegmentOptions: Sendable {
  /// A data block is closed before its payload exceeds this, unless a single entry does.
  var blockBytes = 4096
  /// The zstd level of blocks that compression makes at least 12 % smaller; `nil` compresses none.
  var compressionLevel: Int?
  /// What the dictionary of a compressed segment may take; 0 for none.
  var dictionaryBytes = 4096
  /// Which prefixes the second filter holds.
  var prefixRule = PrefixRule.none

  init(
    blockBytes: Int = 4096, compressionLevel: Int? = nil, dictionaryBytes: Int = 4096,
    prefixRule: PrefixRule = .none
  ) {
    self.blockBytes = blockBytes
    self.compressionLevel = compressionLevel
    self.dictionaryBytes = dictionaryBytes
    self.prefixRule = prefixRule
  }
}

/// What a segment is, beyond its bytes: it goes into every checksum, so that a block read from another
/// file, or from another place in its file, fails.
struct SegmentIdentity: Sendable, Hashable {
  var fileNumber: UInt64
  var salt: UInt64

  /// The checksum of a part of the file that begins at `offset`, over everything in `pieces` and then over
  /// file number, salt and offset as 64-bit little-endian numbers.
  func checksum(at offset: UInt64, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer)
    -> UInt32
  {
    let place = (fileNumber.littleEndian, salt.littleEndian, offset.littleEndian)
    let pieces = CRC32C.checksum(second, extending: CRC32C.checksum(first))
    return withUnsafeBytes(of: place) { CRC32C.checksum($0, extending: pieces) }
  }
}
