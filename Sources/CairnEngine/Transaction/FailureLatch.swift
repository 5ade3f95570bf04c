import CairnKV
import Synchronization

/// Remembers the first failure after which nothing may be written any more.
///
/// A failed sync cannot be retried: the system may have dropped the pages and marked them clean, so a
/// second sync would succeed without anything having reached the disk (the "fsyncgate" of 2018). Reopening
/// reads what is there.
final class FailureLatch: Sendable {
  private let first = Mutex<StorageError?>(nil)

  func trip(_ error: StorageError) {
    first.withLock { if $0 == nil { $0 = error } }
  }

  /// What every further write is refused with; `nil` while all is well.
  var refusal: StorageError? {
    first.withLock { $0 }.map { cause in
      StorageError(
        .storageFailed,
        "an earlier write or sync failed, so nothing more is written; reopen the store. First cause: "
          + cause.message, file: cause.file, offset: cause.offset, systemError: cause.systemError)
    }
  }
}
