import CairnKV
import Synchronization

/// When flushes and compactions run, and what becomes of their failures.
///
/// One flush and one compaction at a time, each on a queue of its own, so that a long compaction never
/// keeps a full memtable in memory.
final class BackgroundWork: Sendable {
  private struct State {
    /// Why the last flush or compaction failed; forgotten when one succeeds.
    var failure: StorageError?
    var isCompactionScheduled = false
    var leader: ThreadParker?
    var isStopped = false
  }

  private let tree: Tree
  private let flusher: Flusher
  private let compactor: Compactor
  private let latch: FailureLatch
  private let flushQueue: any BackgroundQueue
  private let compactionQueue: any BackgroundQueue
  private let fileQueue: any BackgroundQueue
  private let state = Mutex(State())

  /// With more segments than this in level 0 every read suffers so much that writers wait for compaction
  /// instead.
  private static let greatestLevelZeroSegments = 24

  /// - Parameter fileQueue: where files are prepared and removed.
  init(
    tree: Tree, flusher: Flusher, compactor: Compactor, latch: FailureLatch,
    scheduler: any BackgroundScheduler,
    fileQueue: any BackgroundQueue
  ) {
    self.tree = tree
    self.flusher = flusher
    self.compactor = compactor
    self.latch = latch
    flushQueue = scheduler.makeQueue(label: "cairn-flush")
    compactionQueue = scheduler.makeQueue(label: "cairn-compact")
    self.fileQueue = fileQueue
  }

  func scheduleFlush() {
    flushQueue.submit { self.run { () throws(StorageError) in try self.flusher.flushOldest() } }
  }

  func scheduleCompaction() {
    let isNew = state.withLock { state in
      defer { state.isCompactionScheduled = true }
      return !state.isCompactionScheduled && !state.isStopped
    }
    guard isNew else { return }
    compactionQueue.submit {
      self.state.withLock { $0.isCompactionScheduled = false }
      self.run { () throws(StorageError) in try self.compactor.compactOnce() }
    }
  }

  /// Has a file made that the next log can be written into.
  func prepareSpare(bytes: UInt64) {
    let tree = tree
    // Without a spare the log in use grows past its capacity: slower, not wrong. So a failure needs no
    // report.
    fileQueue.submit { try? tree.logFiles.prepareSpare(number: tree.allocateFileNumber(), bytes: bytes) }
  }

  /// Returns once the memtable may be sealed. Only the commit leader calls it.
  /// - Throws: why flushing or compacting fails, when that is why there is no room.
  func waitForRoom(greatestSealedMemtables: Int) throws(StorageError) {
    while true {
      let parker = ThreadParker()
      state.withLock { $0.leader = parker }
      let current = tree.state
      let mustFlush = current.sealed.count >= greatestSealedMemtables
      let mustCompact = current.version.levels[0].count >= Self.greatestLevelZeroSegments
      if !mustFlush && !mustCompact { return }
      if let refusal = latch.refusal { throw refusal }
      let failure = state.withLock { state in
        defer { state.failure = nil }
        return state.failure
      }
      // Another try, for whoever comes next: space may have been freed meanwhile.
      if mustFlush { scheduleFlush() }
      if mustCompact { scheduleCompaction() }
      if let failure { throw failure }
      parker.park()
    }
  }

  /// Waits for what is scheduled, then ends. Nothing may be committed any more.
  func stop() {
    state.withLock { $0.isStopped = true }
    flushQueue.drainAndStop()
    compactionQueue.drainAndStop()
    fileQueue.drainAndStop()
  }

  private func run(_ work: () throws(StorageError) -> Bool) {
    var didSomething = false
    do throws(StorageError) {
      if latch.refusal == nil { didSomething = try work() }
      state.withLock { $0.failure = nil }
    } catch {
      // A full disk may be emptied; everything else means that what is on the disk cannot be relied on for
      // more writes.
      if error.code != .full || tree.manifest.hasFailed || tree.directory.hasFailed { latch.trip(error) }
      state.withLock { $0.failure = error }
    }
    if didSomething { scheduleCompaction() }
    state.withLock { $0.leader }?.unpark()
  }
}
