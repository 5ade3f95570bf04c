import CairnKV
import Synchronization

/// Removes files that nothing needs any more: in the background, and not faster than a disk bears beside its other
/// work. Freeing the blocks of a large file is work for the file system's journal, and some devices stop to
/// erase what is freed, so that removing gigabytes at once would hold up the log's syncs.
///
/// A file is removed by its name alone and never cut short first: a backup may be a hard link to it.
///
/// Nothing is leaked for ever: what cannot be removed, or not before the store is closed, the next opening finds to
/// be in no manifest, and hands over here again.
final class FileReclaimer: Sendable {
  /// How fast, and how stubbornly.
  struct Limits: Sendable {
    /// So much is removed without a pause.
    var burstBytes: UInt64 = 64 << 20
    /// And from then on, so much each second.
    var bytesPerSecond: UInt64 = 512 << 20
    /// How often a removal is tried.
    var greatestAttempts = 5
    var retryMilliseconds: UInt32 = 1000
    /// What is left when the store is closed is removed for no longer than this.
    var greatestClosingNanoseconds: UInt64 = 1_000_000_000
  }

  private struct Removal {
    var entry: StoreDirectory.Entry
    var bytes: UInt64?
    var attempts = 0
  }

  private struct State {
    /// In the order in which they came.
    var waiting: [Removal] = []
    /// What is tried again later.
    var failed: [Removal] = []
    var bucket = TokenBucket()
    /// Whether a job is going to look at `waiting`; and at `failed`.
    var isScheduled = false
    var isRetryScheduled = false
  }

  private let directory: StoreDirectory
  private let queue: any BackgroundQueue
  private let time: any TimeSource
  private let limits: Limits
  private let state = Mutex(State())

  init(
    directory: StoreDirectory, queue: any BackgroundQueue, time: any TimeSource = SystemTimeSource(),
    limits: Limits = Limits()
  ) {
    self.directory = directory
    self.queue = queue
    self.time = time
    self.limits = limits
  }

  /// How many files wait to be removed, and their length as far as it is known.
  var waiting: (count: Int, bytes: UInt64) {
    state.withLock { state in
      let all = state.waiting + state.failed
      return (all.count, all.reduce(0) { $0 + ($1.bytes ?? 0) })
    }
  }

  /// Has a file removed soon.
  /// - Parameter bytes: Its length; `nil` where nobody knows: then it is looked up.
  func reclaim(_ entry: StoreDirectory.Entry, bytes: UInt64? = nil) {
    let isNew = state.withLock { state in
      state.waiting.append(Removal(entry: entry, bytes: bytes))
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    if isNew { queue.submit { self.removeWaiting() } }
  }

  /// Removes what still waits, however much, but not for long. The last job of the queue.
  func finish() {
    let start = time.monotonicNanoseconds()
    let rest = state.withLock { state in
      defer {
        state.waiting = []
        state.failed = []
      }
      return state.waiting + state.failed
    }
    var removed = EngineEvent.Files(count: 0, bytes: 0)
    for removal in rest {
      if time.monotonicNanoseconds() &- start > limits.greatestClosingNanoseconds { break }
      remove(removal, isLast: true, &removed)
    }
    report(removed)
  }

  // MARK: Jobs

  /// Removes files until the budget is used up, and has itself called again when there is more.
  ///
  /// The first one always goes: that it is time again is for the scheduler to say, and the clock may be one that
  /// stands still.
  private func removeWaiting() {
    var removed = EngineEvent.Files(count: 0, bytes: 0)
    var pause: UInt64 = 0
    while pause == 0, let removal = next() {
      let bytesBefore = removed.bytes
      remove(removal, isLast: false, &removed)
      pause = pay(for: removed.bytes - bytesBefore)
    }
    report(removed)
    guard pause > 0 else { return }
    let milliseconds = UInt32(clamping: (pause + 999_999) / 1_000_000)
    queue.submit(afterMilliseconds: milliseconds) { self.removeWaiting() }
  }

  private func next() -> Removal? {
    state.withLock { state in
      if state.waiting.isEmpty {
        state.isScheduled = false
        return nil
      }
      return state.waiting.removeFirst()
    }
  }

  /// - Returns: for how long nothing more may be removed, in nanoseconds.
  private func pay(for bytes: UInt64) -> UInt64 {
    let rate = Double(max(1, limits.bytesPerSecond))
    let now = time.monotonicNanoseconds()
    return state.withLock { state in
      state.bucket.take(
        cost: UInt64(Double(bytes) / rate * 1e9), burst: UInt64(Double(limits.burstBytes) / rate * 1e9),
        at: now)
    }
  }

  private func retryFailed() {
    let isNew = state.withLock { state in
      state.isRetryScheduled = false
      state.waiting += state.failed
      state.failed = []
      defer { state.isScheduled = state.isScheduled || !state.waiting.isEmpty }
      return !state.isScheduled && !state.waiting.isEmpty
    }
    if isNew { removeWaiting() }
  }

  private func remove(_ removal: Removal, isLast: Bool, _ removed: inout EngineEvent.Files) {
    var removal = removal
    do throws(StorageError) {
      let path = directory.path(of: removal.entry)
      if removal.bytes == nil { removal.bytes = try directory.fileSystem.information(at: path)?.size ?? 0 }
      try directory.remove(removal.entry)
      removed = EngineEvent.Files(count: removed.count + 1, bytes: removed.bytes + (removal.bytes ?? 0))
    } catch {
      retry(removal, isLast: isLast, error)
    }
  }

  private func retry(_ removal: Removal, isLast: Bool, _ error: StorageError) {
    if isGone(removal.entry) { return }
    var removal = removal
    removal.attempts += 1
    let isRetried = !isLast && removal.attempts < limits.greatestAttempts
    if isRetried {
      let isNew = state.withLock { state in
        state.failed.append(removal)
        defer { state.isRetryScheduled = true }
        return !state.isRetryScheduled
      }
      if isNew { queue.submit(afterMilliseconds: limits.retryMilliseconds) { self.retryFailed() } }
    }
    directory.events.emit(
      .removalFailed(.init(file: removal.entry.name, error: error, isRetried: isRetried)))
  }

  /// A removal that failed may have happened all the same.
  private func isGone(_ entry: StoreDirectory.Entry) -> Bool {
    do throws(StorageError) {
      return try directory.fileSystem.information(at: directory.path(of: entry)) == nil
    } catch {
      return false
    }
  }

  private func report(_ removed: EngineEvent.Files) {
    if removed.count == 0 { return }
    directory.counters.removedFiles.count(UInt64(removed.count))
    directory.counters.removedBytes.count(removed.bytes)
    directory.events.emit(.filesRemoved(removed))
  }
}
