/// What a store has done since it was opened, and what it takes now. See ``Engine/statistics()``.
///
/// Bytes are bytes of files unless said otherwise. The members are read one after the other while the store
/// works, so they need not fit each other exactly.
public struct EngineStatistics: Hashable, Sendable {
  /// Transactions and batches committed, those without any write not counted.
  public internal(set) var commits: UInt64 = 0
  /// Commit groups: commits that were written and synced together.
  public internal(set) var groups: UInt64 = 0
  /// Keys and values committed, with their framing of a few bytes each.
  public internal(set) var userBytes: UInt64 = 0
  /// What was written to logs: commits with their padding to pages.
  public internal(set) var logBytes: UInt64 = 0
  /// Syncs of files and of the directory, writes that go straight to the disk included: how often, and how long each
  /// took.
  public internal(set) var synchronizations = LatencyHistogram()
  /// Memtables written out.
  public internal(set) var flushes = Flushes()
  /// Segments merged.
  public internal(set) var compactions = Compactions()
  /// Value files rewritten.
  public internal(set) var rewritings = Rewritings()
  /// Ingests. Each is counted as a commit, too, but what it brings is in no group and not in ``userBytes``.
  public internal(set) var ingests = Ingests()
  /// Files removed that nothing needed any more.
  public internal(set) var removals = Removals()
  /// What the store takes on disk, by kind.
  public internal(set) var space = Space()
  /// What memtables take in memory.
  public internal(set) var memory = Memory()
  /// What is kept of files in memory.
  public internal(set) var cache = Cache()
  /// Who reads at a moment of the past.
  public internal(set) var snapshots = Snapshots()
  /// The levels of the tree, from level 0 on.
  public internal(set) var levels: [Level] = []
  /// What compaction has yet to move: by how much levels exceed what they should hold, and all of level 0 once
  /// that is to be merged.
  public internal(set) var compactionDebtBytes: UInt64 = 0
  /// How commit groups were slowed down because flushes or compactions did not keep up. Groups that were not delayed
  /// are not counted.
  public internal(set) var pacing = LatencyHistogram()
  /// How writers were stopped.
  public internal(set) var stalls = Stalls()

  /// What was written to files for each byte that was committed: logs, flushes, compactions, rewritings and ingests. 0
  /// before the first commit. What ingests bring is written, and is no commit's.
  public var writeAmplification: Double {
    let written =
      logBytes + flushes.segmentBytes + flushes.valueFileBytes + compactions.writtenBytes
      + rewritings.writtenBytes + ingests.segmentBytes + ingests.valueFileBytes
    return userBytes == 0 ? 0 : Double(written) / Double(userBytes)
  }

  /// In how many places a read may have to look: memtables, segments of level 0, and levels below that hold anything.
  /// (Filters spare most reads most of them.)
  public var readAmplification: Int {
    1 + memory.sealedMemtables + (levels.first?.segmentCount ?? 0)
      + levels.dropFirst().count { $0.segmentCount > 0 }
  }

  /// Memtables written out.
  public struct Flushes: Hashable, Sendable {
    /// How many.
    public internal(set) var count: UInt64 = 0
    /// The segments written.
    public internal(set) var segmentBytes: UInt64 = 0
    /// The value files written.
    public internal(set) var valueFileBytes: UInt64 = 0
    /// How long it took together.
    public internal(set) var nanoseconds: UInt64 = 0
  }

  /// Segments merged.
  public struct Compactions: Hashable, Sendable {
    /// How many compactions, those that only moved segments included.
    public internal(set) var count: UInt64 = 0
    /// The segments read.
    public internal(set) var readBytes: UInt64 = 0
    /// The segments written.
    public internal(set) var writtenBytes: UInt64 = 0
    /// How long it took together.
    public internal(set) var nanoseconds: UInt64 = 0
  }

  /// Value files rewritten.
  public struct Rewritings: Hashable, Sendable {
    /// How many rewritings.
    public internal(set) var count: UInt64 = 0
    /// The value files written.
    public internal(set) var writtenBytes: UInt64 = 0
    /// By how much the new files are shorter than the old ones.
    public internal(set) var reclaimedBytes: UInt64 = 0
    /// How long it took together.
    public internal(set) var nanoseconds: UInt64 = 0
  }

  /// Sorted ingests.
  public struct Ingests: Hashable, Sendable {
    /// How many have taken effect.
    public internal(set) var count: UInt64 = 0
    /// The segments written.
    public internal(set) var segmentBytes: UInt64 = 0
    /// The value files written.
    public internal(set) var valueFileBytes: UInt64 = 0
  }

  /// Files removed that nothing needed any more.
  public struct Removals: Hashable, Sendable {
    /// How many.
    public internal(set) var count: UInt64 = 0
    /// Their length.
    public internal(set) var bytes: UInt64 = 0
    /// How many wait to be removed.
    public internal(set) var waitingCount: Int = 0
    /// Their length.
    public internal(set) var waitingBytes: UInt64 = 0
  }

  /// What the store takes on disk, by kind. What waits to be removed is in ``EngineStatistics/removals``.
  public struct Space: Hashable, Sendable {
    /// How many logs the store needs.
    public internal(set) var logCount: Int = 0
    /// The logs, with what was written beforehand of the newest.
    public internal(set) var logBytes: UInt64 = 0
    /// Files kept for the next log.
    public internal(set) var spareBytes: UInt64 = 0
    /// How many segments there are.
    public internal(set) var segmentCount: Int = 0
    /// The segments.
    public internal(set) var segmentBytes: UInt64 = 0
    /// How many value files there are.
    public internal(set) var valueFileCount: Int = 0
    /// The value files.
    public internal(set) var valueFileBytes: UInt64 = 0
    /// What is live in them.
    public internal(set) var liveValueBytes: UInt64 = 0
  }

  /// What memtables take in memory, in bytes.
  public struct Memory: Hashable, Sendable {
    /// The memtable that is written.
    public internal(set) var activeMemtableBytes: UInt64 = 0
    /// How many wait to be flushed.
    public internal(set) var sealedMemtables: Int = 0
    /// Those.
    public internal(set) var sealedMemtableBytes: UInt64 = 0
  }

  /// Blocks of segments, and what open files keep in memory.
  public struct Cache: Hashable, Sendable {
    /// What all of it may take.
    public internal(set) var capacityBytes: UInt64 = 0
    /// The blocks.
    public internal(set) var blockBytes: UInt64 = 0
    /// Indexes, filters and dictionaries of open segments.
    public internal(set) var openFileBytes: UInt64 = 0
    /// How often a block was found in memory. Counted without synchronization, so that it costs readers next to
    /// nothing: a few in a million may be missing.
    public internal(set) var hits: UInt64 = 0
    /// How often one was read from its file.
    public internal(set) var misses: UInt64 = 0

    /// The share of looks that found their block; 0 before the first.
    public var hitRate: Double { hits + misses == 0 ? 0 : Double(hits) / Double(hits + misses) }
  }

  /// Snapshots and transactions that are open: what they may still read cannot be given back.
  public struct Snapshots: Hashable, Sendable {
    /// How many moments are read at.
    public internal(set) var count: Int = 0
    /// How many operations have been committed since the oldest of them.
    public internal(set) var oldestAge: UInt64 = 0
  }

  /// One level of the tree.
  public struct Level: Hashable, Sendable {
    /// How many segments it has.
    public internal(set) var segmentCount: Int = 0
    /// Their length.
    public internal(set) var bytes: UInt64 = 0
  }

  /// How writers were stopped until a flush or a compaction was done.
  public struct Stalls: Hashable, Sendable {
    /// How often, a stall under way included.
    public internal(set) var count: UInt64 = 0
    /// For how long together; a stall under way is counted when it ends.
    public internal(set) var nanoseconds: UInt64 = 0
  }
}
