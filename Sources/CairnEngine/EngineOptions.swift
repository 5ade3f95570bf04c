import CairnKV

/// How a store is opened. The defaults are meant to be right; each option says when to touch it.
public struct EngineOptions: Sendable {
  /// Create the store when there is none. Default `true`; with `false` a missing store is an error.
  public var createIfMissing = true

  /// The format version of a store that is created. Default: the newest. A store that is there keeps its own, whatever
  /// this says, until ``Engine/ratchetFormat(to:)`` raises it. Choose an older one for a store that an older version of
  /// Cairn is to open.
  public var formatVersion = FormatVersion.newest

  /// What memtables, cached blocks and open files may take together, in bytes. Default 256 MiB, at least
  /// 8 MiB, at most 1 TiB. Half goes to blocks and open files: the indexes and filters of segments take up to
  /// half of that half, the indexes of value files up to an eighth, blocks what is left of it. An eighth of the
  /// limit (at most 64 MiB) goes to each of the memtables, of which there may be three: one that is written and
  /// two that wait to be flushed; one may end an eighth beyond its limit. What a flushed one leaves, at most as much
  /// as one takes, waits for the next, until the store is quiet. A transaction may take half of the
  /// limit, up to 2 GiB, on top while it is under way, and the same again while it is committed: raise the limit
  /// for larger ones.
  public var memoryLimit = 256 << 20

  /// How often a transaction is run at most before it fails with `.conflict`. Default 256, at least 1.
  public var greatestTransactionRuns = 256

  /// The zstd level for segments that compactions write, and for values of at least 16 KiB in value files, 1
  /// to 19; `nil` stores all as it is. Default 1. Segments flushed from memory, which are rewritten soon, are
  /// compressed at level -1 whatever this says: in some two thirds of level 1's time, to a few percent more of text that
  /// repeats itself, and more of prose. So are ingested ones with the default, since who ingests wants speed; with a
  /// higher level they are compressed at that. Blocks of a segment whose first half MiB gains nothing are not tried.
  public var compressionLevel: Int? = 1

  /// How long the dictionary may be, in bytes, that is made from the first blocks of each compressed segment
  /// and kept in it if it saves at least 4 %. Default 4096, 2 to 128 KiB, or 0 for none. With the default, entries
  /// that are alike take up to 14 % less, compressing takes up to twice the time, and an open segment 30 KiB more
  /// memory: the dictionary, and 27 KiB. Prose gains from one of 16 KiB. Without ``compressionLevel`` it does nothing.
  public var compressionDictionaryBytes = 4096

  /// So many bytes are kept free on the disk: below, commits and ingests that set anything are refused with `.full`
  /// before a byte is written, while removals, reads and the giving back of space go on; above, everything is accepted
  /// again. Default `nil`: 64 MiB, or a twentieth of a small file system. 0: none, so that the disk is filled to the
  /// last byte, and removals may find no room.
  public var leastFreeBytes: UInt64?

  /// From this length on, in bytes, a value leaves the tree when its memtable is flushed: it goes to a value
  /// file, and the tree keeps a handle of some 15 bytes. Default 2048, at least 64, at most 2³¹, which leaves
  /// every value in the tree. Larger makes scans over values that long faster, and compactions copy them
  /// again and again; smaller the other way round. May differ from one opening to the next.
  public var valueThreshold = 2048

  /// How many segments and value files are kept open for reading, each with a file descriptor. Default 512,
  /// at least 16; an eighth of them, at most 64, are value files. Lower it where the process may open few
  /// files; raise it, and the system's limit, for a store of more segments that is read all over. Cursors and
  /// compactions keep what they are reading open beyond this.
  public var openFileLimit = 512

  /// Which prefixes of keys segments remember, so that a scan within one prefix passes over the segments
  /// that do not have it. Default: the first two elements of a tuple, which is how the workflow layer names
  /// one timeline or journal. Set it when the first two elements of your keys do not tell apart what you
  /// scan, or when your keys are no tuples. Costs about 10 bits for each prefix in each segment. May
  /// differ from one opening to the next: what is written from then on follows it.
  public var prefixRule = PrefixRule.tupleElements(2)

  /// What a memtable, and the log behind it, may take before it is flushed, in bytes. Default `nil`:
  /// derived from ``memoryLimit``. For tests, which want flushes to be frequent.
  public var memtableBytes: Int?

  /// How large a segment grows before compaction begins another, in bytes. Default 16 MiB. For tests.
  public var segmentBytes = 16 << 20

  /// What a manifest's edits take at least, in bytes, before a new one is begun. For tests.
  var leastManifestRolloverBytes = Manifest.defaultLeastRolloverBytes

  /// How fast files are removed that nothing needs any more. For tests.
  var removalLimits = FileReclaimer.Limits()

  /// The defaults.
  public init() {}

  /// Of zstd: about twice as fast as level 1, since literals are left as they are.
  private static let fastCompressionLevel = -1

  func validate() throws(StorageError) {
    func require(_ condition: Bool, _ what: String) throws(StorageError) {
      guard condition else { throw StorageError(.invalidArgument, what) }
    }
    try require((8 << 20...1 << 40).contains(memoryLimit), "memoryLimit must be 8 MiB to 1 TiB")
    try require(greatestTransactionRuns >= 1, "greatestTransactionRuns must be at least 1")
    try require(
      compressionLevel.map { (1...19).contains($0) } ?? true, "compressionLevel must be 1 to 19, or nil")
    try require(
      memtableBytes.map { (4096...memoryLimit).contains($0) } ?? true,
      "memtableBytes must be 4096 to memoryLimit")
    try require(
      compressionDictionaryBytes == 0
        || (2048...CompressionDictionary.greatestBytes)
          .contains(compressionDictionaryBytes),
      "compressionDictionaryBytes must be 2048 to 131072, or 0")
    try require((64...1 << 31).contains(valueThreshold), "valueThreshold must be 64 to 2^31")
    try require((4096...1 << 32).contains(segmentBytes), "segmentBytes must be 4096 to 4 GiB")
    try require(openFileLimit >= 16, "openFileLimit must be at least 16")
    try require(
      prefixRule.isValid, "prefixRule must take 1 to 65536 bytes, or 1 to 255 elements of a tuple")
  }

  /// A memtable is sealed when it, or the logs behind it, take this.
  var memtableLimit: Int { memtableBytes ?? min(memoryLimit / 8, 64 << 20) }
  /// What a memtable takes from the system to begin with: a part of its limit, so that a small limit holds.
  var memtableFirstChunkBytes: Int { min(256 << 10, max(4096, memtableLimit / 8)) }
  /// The length of the first log; later ones grow with use.
  var firstLogBytes: UInt64 { min(256 << 10, FrameFile.roundedUp(UInt64(memtableLimit))) }
  /// How segments are written that are rewritten soon.
  var flushedSegments: SegmentOptions {
    SegmentOptions(
      compressionLevel: compressionLevel.map { min($0, Self.fastCompressionLevel) }, dictionaryBytes: 0,
      prefixRule: prefixRule)
  }
  /// How those are written that come sorted, and may stay.
  var ingestedSegments: SegmentOptions {
    var result = lastingSegments
    if compressionLevel == 1 {
      result.compressionLevel = Self.fastCompressionLevel
      result.dictionaryBytes = 0
    }
    return result
  }
  /// How those are written that may stay.
  var lastingSegments: SegmentOptions {
    SegmentOptions(
      compressionLevel: compressionLevel, dictionaryBytes: compressionDictionaryBytes, prefixRule: prefixRule)
  }
  /// So many flushed segments are merged into level 1 together.
  static let levelZeroSegments = 4
  /// As much as is merged into it at once: a smaller level would be written anew as often, only to be pushed on, and
  /// would be one level more for every read of a store that fits into it. Whoever sets ``memtableBytes`` wants little
  /// to make many levels, and then segments alone decide.
  var levelOneBytes: UInt64 {
    UInt64(Self.levelZeroSegments)
      * UInt64(memtableBytes == nil ? max(segmentBytes, memtableLimit) : segmentBytes)
  }
  var blockCacheBytes: Int { memoryLimit / 2 }
  var openValueFileLimit: Int { min(openFileLimit / 8, 64) }
  var openSegmentLimit: Int { openFileLimit - openValueFileLimit }
  var transactionLimit: Int { min(memoryLimit / 2, StorageLimits.transactionBytes) }
}
