public import CairnKV
import Synchronization

/// A store opened for reading only: one that is closed, a backup, or one that another process has open at this moment.
///
/// It sees the store as it was when it was opened, or at the last ``refresh()``: one consistent state, the state after
/// some commit and all before it. Of a store that somebody has open it sees what is known to be durable: that is
/// everything up to the last commit but one, and everything once the store has been idle for a second.
///
/// It takes no lock that lasts, and writes nothing: no file, no directory, also not on a disk that is full or that
/// cannot be written to. Whoever writes the store does not notice it. Files that the writer removes stay open here, and keep
/// their space on the disk, until ``refresh()`` or ``close()``. One file descriptor is used for every segment, value
/// file and log: for a store of thousands of them the system's limit must allow as many.
///
/// A store whose process died is read up to its end. Nothing is recovered in it.
public final class ReadOnlyEngine: KeyValueStore {
  private let opening: ReadOnlyOpening
  private let environment: Environment
  /// `nil` once it is closed, so that the files can go.
  private let current: Mutex<ReadOnlyState?>
  /// Held by whoever looks at the store anew.
  private let refreshing = Mutex(())

  // MARK: Opening and closing

  /// Opens the store in the directory at `path`.
  ///
  /// Takes time in proportion to what had not been flushed, and to the number of files, of which each is opened.
  /// - Throws: `.invalidArgument` when there is none; `.corruption` and `.unsupportedFormat` when its files are not as
  ///   they were left; `.locked` when it was changed so fast that 256 attempts found no moment to read it;
  ///   `.inputOutput` when the system refuses something, such as so many open files.
  public static func open(
    at path: String, options: EngineOptions = EngineOptions(), environment: Environment = .system
  ) throws(StorageError) -> ReadOnlyEngine {
    try ReadOnlyEngine(path, options, environment)
  }

  /// The same without blocking the calling thread.
  public static func open(
    at path: String, options: EngineOptions = EngineOptions(), environment: Environment = .system
  ) async throws(StorageError) -> ReadOnlyEngine {
    try await onBackgroundThread(of: environment.scheduler) { () throws(StorageError) in
      try ReadOnlyEngine(path, options, environment)
    }
  }

  private init(_ path: String, _ options: EngineOptions, _ environment: Environment) throws(StorageError) {
    try options.validate()
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw StorageError(.invalidArgument, "the store's path is empty or holds a zero byte")
    }
    let files = PinnedFiles(environment.fileSystem)
    let directory = StoreDirectory(
      path: StoreDirectory.trimmed(path), fileSystem: files, time: environment.time)
    let cache = BlockCache(capacityBytes: options.blockCacheBytes)
    opening = ReadOnlyOpening(
      directory: directory, files: files, options: options, environment: environment,
      openSegments: OpenSegments(directory: directory, cache: cache, fileLimit: options.openSegmentLimit),
      openValueFiles: OpenValueFiles(
        directory: directory, cache: cache, fileLimit: options.openValueFileLimit))
    self.environment = environment
    current = Mutex(try opening.run(replacing: nil))
  }

  /// Lets go of the store and, once no read and no snapshot uses them any more, of its files. Afterwards every call
  /// throws `.closed`, on snapshots too. Twice is fine.
  public func close() {
    // Let go of outside the lock: files are closed.
    let former = current.withLock { current in
      defer { current = nil }
      return current
    }
    withExtendedLifetime(former) {}
  }

  func checkOpen() throws(StorageError) { _ = try state() }

  private func state() throws(StorageError) -> ReadOnlyState {
    guard let state = current.withLock({ $0 }) else { throw StorageError(.closed, "the store was closed") }
    return state
  }

  // MARK: How new it is

  /// What a store was like when it was last looked at.
  public struct Condition: Sendable, Hashable {
    /// The newest commit that is seen has no greater position than this.
    public var position: CommitPosition
    /// Whether somebody had the store open for writing.
    public var isLive: Bool
    /// The format version of its files.
    public var formatVersion: FormatVersion
  }

  /// What the store was like at the last ``refresh()``.
  /// - Throws: `.closed`.
  public func condition() throws(StorageError) -> Condition {
    let state = try state()
    return Condition(
      position: CommitPosition(rawValue: state.sequence), isLive: state.isLive,
      formatVersion: state.manifest.formatVersion)
  }

  /// How far behind the store is what is seen here.
  public struct Staleness: Sendable, Hashable {
    /// The newest commit that is seen here has no greater position.
    public var position: CommitPosition
    /// The newest commit that is known to be durable in the store now has no greater one.
    public var newestPosition: CommitPosition
    /// For how long the store has not been looked at, in nanoseconds.
    public var nanoseconds: UInt64

    /// Whether ``ReadOnlyEngine/refresh()`` would bring anything new.
    public var isStale: Bool { newestPosition > position }
  }

  /// Looks how far the store has gone on. Costs the reading of its manifest and of its newest log.
  /// - Throws: as ``refresh()`` does.
  public func staleness() throws(StorageError) -> Staleness {
    let state = try state()
    var newest = state.sequence
    var attempts = 0
    while true {
      do throws(StorageError) {
        newest = max(newest, try opening.newestSequence())
        break
      } catch {
        // The log may have been recycled under the reader's eyes.
        attempts += 1
        guard attempts < 16, error.code == .corruption || error.isMissingFile else { throw error }
      }
    }
    let now = environment.time.monotonicNanoseconds()
    return Staleness(
      position: CommitPosition(rawValue: state.sequence), newestPosition: CommitPosition(rawValue: newest),
      nanoseconds: now > state.monotonicNanoseconds ? now - state.monotonicNanoseconds : 0)
  }

  /// Looks at the store anew: what is read from now on is the store as it is now. Snapshots stay as they are.
  ///
  /// Costs about as much as opening, less what is cached. When it throws, what was seen before is seen still.
  /// - Returns: the position up to which it is seen now.
  /// - Throws: as opening does, and `.closed`.
  @discardableResult
  public func refresh() throws(StorageError) -> CommitPosition {
    try refreshing.withLock { (_) throws(StorageError) in
      let former = try state()
      let found = try opening.run(replacing: former)
      // Never back: an older copy of the store may have been put in its place.
      guard found.sequence >= former.sequence, found.manifest.storeIdentity == former.manifest.storeIdentity
      else {
        throw StorageError(
          .corruption, "the store is another one, or an older one, than it was before; open it anew",
          file: opening.directory.path)
      }
      let isOpen = current.withLock { current in
        // Not if it was closed meanwhile.
        if current != nil { current = found }
        return current != nil
      }
      guard isOpen else { throw StorageError(.closed, "the store was closed") }
      return CommitPosition(rawValue: found.sequence)
    }
  }

  /// The same without blocking the calling thread.
  @discardableResult
  public func refresh() async throws(StorageError) -> CommitPosition {
    try await onBackgroundThread(of: environment.scheduler) { () throws(StorageError) in try self.refresh() }
  }

  /// How many files are kept open.
  var pinnedCount: Int { opening.files.count }

  // MARK: Reading

  /// Runs `body` on the store as it was at the last ``refresh()``. The reader must not be used afterwards.
  public func read<Result>(_ body: (any KeyValueReader) throws -> Result) throws -> Result {
    let state = try state()
    let reader = EngineReader(state.view)
    defer {
      reader.end()
      withExtendedLifetime(state) {}
    }
    return try body(reader)
  }

  /// The store as it was at the last ``refresh()``, for as long as the snapshot is kept, and with it the files.
  public func snapshot() throws(StorageError) -> EngineSnapshot {
    let state = try state()
    return EngineSnapshot(ReadOnlySnapshotSource(state, of: self), sequence: state.sequence)
  }

  /// Refused: the store was opened for reading only.
  /// - Throws: `.readOnly`, always.
  public func transact<Result>(
    _ durability: Durability, _ body: (any KeyValueTransaction) throws -> Result
  ) async throws -> Committed<Result> {
    try checkOpen()
    throw StorageError(
      .readOnly, "the store was opened for reading only; open it with Engine.open to write",
      file: opening.directory.path)
  }
}
