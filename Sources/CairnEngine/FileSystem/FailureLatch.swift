import CairnKV
import Synchronization

/// Remembers the first failed sync, or the first write that could not be taken back, after which nothing may be
/// written any more. One for a store: every sync of any of its files goes through it.
///
/// A failed sync cannot be retried: the system may have dropped the pages and marked them clean, so a second
/// sync, perhaps of another thread that shares the directory, would succeed without anything having reached the
/// disk (the "fsyncgate" of 2018). Reopening reads what is there.
final class FailureLatch: Sendable {
  private let first = Mutex<StorageError?>(nil)
  /// So that asking costs nothing while all is well.
  private let isTripped = Atomic<Bool>(false)
  private let events: EventHub
  private let counters: EngineCounters
  private let time: any TimeSource

  /// A sync that takes longer is told.
  private static let slowNanoseconds: UInt64 = 1_000_000_000

  init(
    events: EventHub = EventHub(), counters: EngineCounters = EngineCounters(),
    time: any TimeSource = SystemTimeSource()
  ) {
    self.events = events
    self.counters = counters
    self.time = time
  }

  func trip(_ error: StorageError) {
    let isFirst = first.withLock { first in
      guard first == nil else { return false }
      first = error
      isTripped.store(true, ordering: .releasing)
      return true
    }
    if isFirst { events.emit(.writingStopped(error)) }
  }

  /// What every further write is refused with; `nil` while all is well.
  @inline(__always)
  var refusal: StorageError? { isTripped.load(ordering: .acquiring) ? explained : nil }

  private var explained: StorageError? {
    first.withLock { $0 }.map { cause in
      StorageError(
        .storageFailed,
        "an earlier write or sync failed, so nothing more is written; reopen the store. First cause: "
          + cause.message, file: cause.file, offset: cause.offset, systemError: cause.systemError)
    }
  }

  /// Runs a sync, unless one has failed before.
  func synchronize(_ work: () throws(StorageError) -> Void) throws(StorageError) {
    if let refusal { throw refusal }
    let start = time.monotonicNanoseconds()
    do throws(StorageError) {
      try work()
    } catch {
      // A sync that fails for want of space fails like any other: what it was to make durable may be lost.
      let failure = StorageError(
        .inputOutput, error.message, file: error.file, offset: error.offset, systemError: error.systemError)
      trip(failure)
      throw failure
    }
    let now = time.monotonicNanoseconds()
    let nanoseconds = now > start ? now - start : 0
    counters.countSynchronization(nanoseconds: nanoseconds)
    if nanoseconds > Self.slowNanoseconds { events.emit(.synchronizationSlow(nanoseconds: nanoseconds)) }
    // Another thread's failure while this one's sync was under way may have taken what this one relies on.
    if let refusal { throw refusal }
  }
}
