import CairnKV
import Synchronization

/// When flushes and compactions run, and what becomes of their failures.
///
/// One flush at a time, and one compaction or rewriting of value files, each on a queue of its own, so that a
/// long compaction never keeps a full memtable in memory.
final class BackgroundWork: Sendable {
  /// How one kind of work stands: whether it waits to be run, and why it failed the last time it was.
  private struct Progress {
    var isScheduled = false
    var failure: StorageError?
  }

  private struct State {
    var progress: [EngineEvent.Work: Progress] = [:]
    var leader: ThreadParker?
    /// Who is to be told when a flush has ended.
    var flushReports: [@Sendable (StorageError?) -> Void] = []
    var isStopped = false
  }

  /// How hard writers press, see ``WritePacer``.
  let gauge = PressureGauge(
    greatestSealedMemtables: BackgroundWork.greatestSealedMemtables,
    greatestLevelZeroSegments: BackgroundWork.greatestLevelZeroSegments)
  /// Where the commit leader waits when writers are slowed down. Every piece of work that is done ends it.
  let pause: any Pause
  let time: any TimeSource

  private let tree: Tree
  private let flusher: Flusher
  private let compactor: Compactor
  private let rewriter: ValueRewriter
  private let flushQueue: any BackgroundQueue
  private let compactionQueue: any BackgroundQueue
  private let fileQueue: any BackgroundQueue
  private let state = Mutex(State())
  private let isIdle = Atomic<Bool>(false)

  /// So many memtables may wait to be flushed before writers wait for them.
  static let greatestSealedMemtables = 2
  /// With more segments than this over one another in level 0 every read suffers so much that writers wait for
  /// compaction instead.
  static let greatestLevelZeroSegments = 24

  /// - Parameter fileQueue: where files are prepared and removed.
  init(
    tree: Tree, flusher: Flusher, compactor: Compactor, rewriter: ValueRewriter,
    scheduler: any BackgroundScheduler, time: any TimeSource, fileQueue: any BackgroundQueue
  ) {
    self.tree = tree
    self.flusher = flusher
    self.compactor = compactor
    self.rewriter = rewriter
    self.time = time
    pause = scheduler.makePause()
    flushQueue = scheduler.makeQueue(label: "cairn-flush")
    compactionQueue = scheduler.makeQueue(label: "cairn-compact")
    self.fileQueue = fileQueue
  }

  func scheduleFlush() {
    schedule(.flush, on: flushQueue) { () throws(StorageError) in try self.flusher.flushOldest() }
  }

  func scheduleCompaction() {
    schedule(.compaction, on: compactionQueue) { () throws(StorageError) in
      try self.compactor.compactOnce(isIdle: self.isIdle.load(ordering: .relaxed))
    }
  }

  func scheduleRewriting() {
    schedule(.rewriting, on: compactionQueue) { () throws(StorageError) in
      try self.rewriter.rewriteOnce(isIdle: self.isIdle.load(ordering: .relaxed))
    }
  }

  /// Does what is worth while only when nothing else is to be done, until ``endIdleness()``.
  func giveBackSpace() {
    isIdle.store(true, ordering: .relaxed)
    scheduleFlush()
    scheduleCompaction()
    scheduleRewriting()
  }

  /// Something is committed again: writing counts for more than space.
  @inline(__always)
  func endIdleness() {
    if isIdle.load(ordering: .relaxed) { isIdle.store(false, ordering: .relaxed) }
  }

  /// Runs `work` soon, again for as long as it finds something to do, unless it is about to be run anyway.
  private func schedule(
    _ kind: EngineEvent.Work, on queue: any BackgroundQueue,
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
      let (foundWork, failure) = self.run(kind, work)
      self.state.withLock { $0.progress[kind, default: Progress()].failure = failure }
      if foundWork {
        self.schedule(kind, on: queue, work)
        if kind != .rewriting { self.scheduleCompaction() }
        // After the compaction: what it lets die need not be copied.
        self.scheduleRewriting()
      }
      if kind == .flush { self.reportFlush(failure ?? self.tree.directory.latch.refusal) }
      self.pause.end()
      self.state.withLock { $0.leader }?.unpark()
    }
  }

  /// Runs a piece of work, and tells of it.
  private func run(
    _ kind: EngineEvent.Work, _ work: () throws(StorageError) -> Bool
  ) -> (foundWork: Bool, failure: StorageError?) {
    // Whether writing may go on, the latch says: a failed sync has tripped it. An input that cannot be read
    // stops this work only.
    guard tree.directory.latch.refusal == nil else { return (false, nil) }
    let start = time.monotonicNanoseconds()
    var foundWork = false
    var failure: StorageError?
    do throws(StorageError) { foundWork = try work() } catch { failure = error }
    let now = time.monotonicNanoseconds()
    let nanoseconds = now > start ? now - start : 0
    if let change = tree.takeChange(of: kind) {
      gauge.note(change, by: kind, nanoseconds: nanoseconds)
      change.report(kind, nanoseconds: nanoseconds, tree.directory)
    }
    if let failure { tree.directory.events.emit(.backgroundFailed(kind, failure)) }
    if kind != .flush { gauge.note(failure == nil ? debt(of: tree.state.version) : .init()) }
    return (foundWork, failure)
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

  /// Lets go of what is kept for the next log, after whatever is just being made for it.
  func removeSpares() {
    let logFiles = tree.logFiles
    fileQueue.submit { logFiles.removeSpares() }
  }

  /// Has a file made that the next log can be written into.
  func prepareSpare(bytes: UInt64) {
    let tree = tree
    fileQueue.submit {
      do throws(StorageError) {
        try tree.logFiles.prepareSpare(number: tree.allocateFileNumber(), bytes: bytes)
      } catch {
        // Without a spare the log in use grows past its capacity: slower, not wrong.
        tree.directory.events.emit(.backgroundFailed(.logPreparation, error))
      }
    }
  }

  // MARK: Debt

  /// What compaction has yet to move: by how much levels exceed what they should hold, and all of level 0 once
  /// it is to be merged.
  func compactionDebt(of version: Version) -> UInt64 {
    compactor.debtBytes(of: version, isIdle: isIdle.load(ordering: .relaxed))
  }

  private func debt(of version: Version) -> PressureGauge.Debt {
    var debt = PressureGauge.Debt()
    debt.compactionBytes = compactor.debtBytes(of: version)
    debt.levelOneBytes = compactor.levelOneBytes
    debt.treeBytes = version.levels.indices.reduce(0) { $0 + version.bytes(of: $1) }
    for file in version.values.files.values {
      let live = version.values.liveBytes(of: file)
      debt.liveValueBytes += live
      debt.deadValueBytes += file.storedBytes - min(live, file.storedBytes)
    }
    return debt
  }

  // MARK: Waiting

  /// Returns once the memtable may be sealed. Only the commit leader calls it.
  /// - Throws: why flushing or compacting fails, when that is why there is no room.
  func waitForRoom() throws(StorageError) {
    var stall: (reason: EngineEvent.Stall, start: UInt64)?
    defer { if let stall { end(stall.reason, since: stall.start) } }
    while true {
      let parker = ThreadParker()
      state.withLock { $0.leader = parker }
      let current = tree.state
      let mustFlush = current.sealed.count >= Self.greatestSealedMemtables
      let mustCompact = current.version.levelZeroDepth >= Self.greatestLevelZeroSegments
      if !mustFlush && !mustCompact { return }
      if let refusal = tree.directory.latch.refusal { throw refusal }
      if stall == nil { stall = begin(mustFlush ? .memory : .levelZero) }
      let awaited: [EngineEvent.Work] = (mustFlush ? [.flush] : []) + (mustCompact ? [.compaction] : [])
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

  private func begin(_ reason: EngineEvent.Stall) -> (EngineEvent.Stall, UInt64) {
    tree.directory.counters.count { $0.stalls.count += 1 }
    tree.directory.events.emit(.stallBegan(reason))
    return (reason, time.monotonicNanoseconds())
  }

  private func end(_ reason: EngineEvent.Stall, since start: UInt64) {
    let now = time.monotonicNanoseconds()
    let nanoseconds = now > start ? now - start : 0
    tree.directory.counters.count { $0.stalls.nanoseconds += nanoseconds }
    tree.directory.events.emit(.stallEnded(reason, nanoseconds: nanoseconds))
  }

  /// Waits for what is scheduled, then ends. Nothing may be committed any more.
  func stop() {
    state.withLock { $0.isStopped = true }
    flushQueue.drainAndStop()
    compactionQueue.drainAndStop()
    let reclaimer = tree.reclaimer
    fileQueue.submit { reclaimer.finish() }
    fileQueue.drainAndStop()
    // Those for whom no flush was run any more.
    reportFlush(StorageError(.closed, "the store was closed"))
  }
}
