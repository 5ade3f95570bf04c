public import CairnKV

/// How a backup is taken.
public struct BackupOptions: Sendable {
  /// Whether segments and value files are copied even where a second name for the same file (a hard link) would do.
  /// Default `false`. With `true` a backup takes as much space as the store, and as much time as it takes to write that,
  /// but damage that the disk does to a file of the store is then not also damage to the backup on the same disk.
  public var copiesEverything = false

  /// The defaults.
  public init() {}
}

/// What a backup holds, and how it came there.
public struct BackupReport: Sendable, Hashable {
  /// Some files and how long they are together.
  public struct Files: Sendable, Hashable {
    /// How many.
    public var count = 0
    /// Their bytes.
    public var bytes: UInt64 = 0

    mutating func add(bytes: UInt64) {
      count += 1
      self.bytes += bytes
    }
  }

  /// The backup holds every commit up to this position, and none behind it.
  public internal(set) var position: CommitPosition
  /// Segments and value files that got a second name.
  public internal(set) var linked = Files()
  /// Those that were copied.
  public internal(set) var copied = Files()
  /// Those that an earlier backup had brought there.
  public internal(set) var reused = Files()
  /// What had not been flushed yet and was written as a log, in bytes.
  public internal(set) var logBytes: UInt64 = 0
  /// Files of an earlier backup that are no part of this one, and were removed.
  public internal(set) var removedCount = 0

  init(position: CommitPosition) { self.position = position }
}
