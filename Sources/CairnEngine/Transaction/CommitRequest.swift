import CairnKV
import Synchronization

/// One commit on its way: what to write, what it depends on, and who waits for it.
///
/// Invariant that makes sharing it sound: until it is enqueued only its creator touches it; from then until
/// `finish` only the thread that leads its group; the waiter reads `outcome` after it has seen `isDone`, or as a
/// task after it was resumed, which orders the two.
final class CommitRequest: @unchecked Sendable {
  enum Work: Equatable {
    case batch
    /// Make an ingest part of the store. Commits may have to wait for a flush if it says so.
    case ingest(PreparedIngest, holdingUpCommits: Bool)
    /// Put all that is committed aside to be flushed, behind a new log.
    case flush(keepingLogFiles: Bool)
    /// Note what the store consists of, all of it durable.
    case cut(BackupCut)
    /// Write what ends a log cleanly. Nothing is accepted after it.
    case close
  }

  enum Waiter {
    case thread(ThreadParker)
    case task(UnsafeContinuation<Void, Never>)
  }

  let work: Work
  var batch: WriteBatch
  let reads: ReadSet
  let snapshot: UInt64
  let durability: Durability
  /// How long the batch is, also when its bytes are gone.
  let bytes: Int
  var outcome: Result<CommitPosition?, StorageError>?
  var waiter: Waiter?
  /// A thread that is woken before is to lead, if nobody does.
  let isDone = Atomic<Bool>(false)

  init(_ work: Work, batch: WriteBatch, reads: ReadSet, snapshot: UInt64, durability: Durability) {
    self.work = work
    self.batch = batch
    bytes = batch.byteCount
    self.reads = reads
    self.snapshot = snapshot
    self.durability = durability
  }

  /// Nobody else should have to wait for it to learn of their own outcome.
  var goesAlone: Bool {
    if case .ingest = work { true } else { false }
  }

  var isThread: Bool {
    if case .thread = waiter { true } else { false }
  }

  /// Marks it as done: its outcome belongs to the waiter from here on.
  func finish() { isDone.store(true, ordering: .releasing) }

  /// Wakes whoever waits: a thread at any time, a task once, when it is done.
  func wake() {
    switch waiter {
    case .thread(let parker): parker.unpark()
    case .task(let continuation): continuation.resume()
    case nil: break
    }
  }

  func result() throws(StorageError) -> CommitPosition? {
    guard let outcome else {
      throw StorageError(
        .outcomeUnknown, "the commit was abandoned; reopen the store to learn whether it is there")
    }
    return try outcome.get()
  }
}
