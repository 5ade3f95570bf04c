import CairnKV
import Synchronization

/// When flushes and compactions run, and what becomes of their failures.
///
/// One flush at a time, and one compaction or rewriting of value files, each on a queue of its own, so that a
/// long compaction never keeps a full memtable in memory.
final class BackgroundWork: Sendable {
  private enum Kind {
    case flush
    case compaction
    case rewriting
  }

  /// How one kind of work stands: whether it waits to be run, and why it failed the last time it was.
  private struct Progress {
    var isScheduled = false
    var failure: StorageError?
  }

  private struct State {
    var progress: [Kind: Progress] = [:]
    var leader: ThreadParker?
    /// Who is to be told when a flush has ended.
    var flushReports: [@Sendable (StorageError?) -> Void] = []
    var isStopped = false
  }

  private let tree: Tree
  private let flusher: Flusher
  private let compactor: Compactor
  private let rewriter: ValueRewriter
  private let flushQueue: any BackgroundQueue
  private let compactionQueue: any BackgroundQueue
  private let fileQueue: any BackgroundQueue
  private let state = Mutex(State())

  /// With more segments than this over one another in level 0 every read suffers so much that writers wait for
  /// compaction instead.
  private static let greatestLevelZeroSegments = 24

  /// - Parameter fileQueue: where files are prepared and removed.
  init(
    tree: Tree, flusher: Flusher, compactor: Compactor, rewriter: ValueRewriter,
    scheduler: any BackgroundScheduler,
    fileQueue: any BackgroundQueue
  ) {
    self.tree = tree
    self.flusher = flusher
    self.compactor = compactor
    self.rewriter = rewriter
    flushQueue = scheduler.makeQueue(label: "cairn-flush")
    compactionQueue = scheduler.makeQueue(label: "cairn-compact")
    self.fileQueue = fileQueue
  }

  func scheduleFlush() {
    schedule(.flush, on: flushQueue) { () throws(StorageError) in try self.flusher.flushOldest() }
  }

  func scheduleCompaction() {
    schedule(.compaction, on: compactionQueue) { () throws(StorageError) in try self.compactor.compactOnce() }
  }

  func scheduleRewriting() {
    schedule(.rewriting, on: compactionQueue) { () throws(StorageError) in try self.rewriter.rewriteOnce() }
  }

  /// Runs `work` soon, again for as long as it finds something to do, unless it is about to be run anyway.
  private func schedule(
    _ kind: Kind, on queue: any BackgroundQueue,
    _ work: @escaping @Sendable () throws(StorageError) -> Bool
  ) {
    let isNew = state.withLock { state in
      if state.isStopped || state.progress[kind, default: Progress()].isScheduled { return false }
      state.progress[kind, default: Progress()].isScheduled = true
      return true
    }
    guard isNew else { return }
    queue.submit {
      self.state.withLock { $0.progress[kind, default: Progress()].isScheduled = false }
      var foundWork = false
      var failure: StorageError?
      do throws(StorageError) {
        if self.tree.directory.latch.refusal == nil { foundWork = try work() }
      } catch {
        // Whether writing may go on, the latch says: a failed sync has tripped it. An input that cannot be
        // read stops this work only.
        failure = error
      }
      self.state.withLock { $0.progress[kind, default: Progress()].failure = failure }
      if foundWork {
        self.schedule(kind, on: queue, work)
        if kind != .rewriting { self.scheduleCompaction() }
        // After the compaction: what it lets die need not be copied.
        self.scheduleRewriting()
      }
      if kind == .flush { self.reportFlush(failure ?? self.tree.directory.latch.refusal) }
      self.state.withLock { $0.leader }?.unpark()
    }
  }

  /// Calls `report` after the next flush, of the oldest memtable that waits for one if any does, with why it
  /// failed if it did. For whoever is not the commit leader, too.
  func whenFlushed(_ report: @escaping @Sendable (StorageError?) -> Void) {
    let isStopped = state.withLock { state in
      if !state.isStopped { state.flushReports.append(report) }
      return state.isStopped
    }
    if isStopped { report(StorageError(.closed, "the store was closed")) } else { scheduleFlush() }
  }

  private func reportFlush(_ failure: StorageError?) {
    let reports = state.withLock { state in
      defer { state.flushReports = [] }
      return state.flushReports
    }
    for report in reports { report(failure) }
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
      let mustCompact = current.version.levelZeroDepth >= Self.greatestLevelZeroSegments
      if !mustFlush && !mustCompact { return }
      if let refusal = tree.directory.latch.refusal { throw refusal }
      let awaited: [Kind] = (mustFlush ? [.flush] : []) + (mustCompact ? [.compaction] : [])
      let failure = state.withLock { state in
        defer { for kind in awaited { state.progress[kind]?.failure = nil } }
        return awaited.compactMap { state.progress[$0]?.failure }.first
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
    // Those for whom no flush was run any more.
    reportFlush(StorageError(.closed, "the store was closed"))
  }
}
