public import CairnKV

/// Something that happened inside an open store, told to whoever listens to ``Engine/events``.
///
/// Cases are added, and so are members of what they carry: always handle a `default`. Times are measured with
/// the monotonic clock of the store's ``Environment``, in nanoseconds.
public enum EngineEvent: Hashable, Sendable {
  /// A memtable was written out, and the logs behind it are needed no more.
  case flushFinished(Flush)
  /// Segments were merged into the next level, or moved there as they are.
  case compactionFinished(Compaction)
  /// What is live of sparse or small value files was copied into one new file.
  case valuesRewritten(Rewriting)
  /// Segments went and nothing came in their place: what they held was covered by removals or newer entries.
  case coveredFilesDropped(Files)
  /// Writers wait, since memory or level 0 is at its limit.
  case stallBegan(Stall)
  /// They wait no longer, after so long. Also when they stopped waiting because of an error.
  case stallEnded(Stall, nanoseconds: UInt64)
  /// Background work failed. It is tried again when writers need it, unless writing has stopped.
  case backgroundFailed(Work, StorageError)
  /// A sync took longer than a second: the disk is overloaded, or about to fail.
  case synchronizationSlow(nanoseconds: UInt64)
  /// Little room is left on the disk: until ``spaceRegained`` only removals are accepted.
  case spaceLow(freeBytes: UInt64)
  /// There is room again, and everything is accepted.
  case spaceRegained
  /// Somebody else than the owner may change this file of the store, or its directory. Told to every listener first, if
  /// it was so when the store was opened.
  case writableByOthers(path: String)
  /// A sync failed, or a write that could not be taken back: the store takes no more writes.
  case writingStopped(StorageError)
  /// Files that nothing needed any more were removed.
  case filesRemoved(Files)
  /// A file that nothing needs any more could not be removed.
  case removalFailed(Removal)
  /// A new log was begun.
  case logBegun(Log)
  /// The store was quiet for a while and gives back what it can. Flushes, compactions and removals follow.
  case idleWorkBegan(Idleness)
  /// A verification or a scrub has found something in a file that should not be there, or lacks something.
  /// The store goes on; what is read of the damage throws `.corruption`.
  case corruptionFound(VerificationViolation)
  /// So many events were lost, since this listener did not keep up.
  case missed(count: UInt64)

  /// What a flush wrote.
  public struct Flush: Hashable, Sendable {
    /// What the memtable took, in memory or in its logs, whichever was more.
    public let memtableBytes: UInt64
    /// The length of the new segments.
    public let segmentBytes: UInt64
    /// The length of the new value file; 0 when there was no large value.
    public let valueFileBytes: UInt64
    /// How long it took.
    public let nanoseconds: UInt64
  }

  /// What a compaction read and wrote.
  public struct Compaction: Hashable, Sendable {
    /// The level that was relieved.
    public let level: Int
    /// How many segments went in, of both levels.
    public let inputSegments: Int
    /// Their length.
    public let inputBytes: UInt64
    /// How many segments came out.
    public let outputSegments: Int
    /// Their length; 0 when segments were only moved.
    public let outputBytes: UInt64
    /// Whether segments were moved as they are.
    public let isMove: Bool
    /// How long it took.
    public let nanoseconds: UInt64
  }

  /// What a rewriting of value files gave back.
  public struct Rewriting: Hashable, Sendable {
    /// How many files were rewritten into one.
    public let inputFiles: Int
    /// Their length.
    public let inputBytes: UInt64
    /// The length of the new file.
    public let outputBytes: UInt64
    /// How long it took.
    public let nanoseconds: UInt64
  }

  /// A number of files.
  public struct Files: Hashable, Sendable {
    /// How many.
    public let count: Int
    /// Their length together.
    public let bytes: UInt64
  }

  /// Why writers wait.
  public enum Stall: Hashable, Sendable, CaseIterable {
    /// The memtable is full and those before it are not flushed yet.
    case memory
    /// Level 0 has as many segments as reads can bear.
    case levelZero
  }

  /// A kind of background work.
  public enum Work: Hashable, Sendable, CaseIterable {
    /// Writing out a memtable.
    case flush
    /// Merging segments.
    case compaction
    /// Rewriting value files.
    case rewriting
    /// Making the file for the next log. Without it the log in use grows: slower, not wrong.
    case logPreparation
    /// Giving back what a quiet store does not need.
    case idleWork
  }

  /// A removal that failed.
  public struct Removal: Hashable, Sendable {
    /// The file's name in the store's directory.
    public let file: String
    /// Why.
    public let error: StorageError
    /// Whether it is tried again. If not, the next opening does.
    public let isRetried: Bool
  }

  /// A log that was begun.
  public struct Log: Hashable, Sendable {
    /// Its number.
    public let number: UInt64
    /// How much of it was written beforehand, so that a sync changes no metadata.
    public let capacityBytes: UInt64
    /// Whether a new memtable was begun with it; if not, the old log was merely full.
    public let beginsMemtable: Bool
  }

  /// What a quiet store may give back.
  public struct Idleness: Hashable, Sendable {
    /// What its logs take.
    public let logBytes: UInt64
    /// What its spare logs take.
    public let spareBytes: UInt64
    /// At least so much of segments and value files is covered by range removals that are only in memory.
    public let coveredBytes: UInt64
  }
}
