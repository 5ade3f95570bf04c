import CairnKV
import Synchronization

/// Blocks the calling thread until what `begin` was given has been called, which happens once, from any thread.
/// - Throws: what it was called with.
func blockUntilReport(
  of begin: (@escaping @Sendable (StorageError?) -> Void) -> Void
) throws(StorageError) {
  let parker = ThreadParker()
  let outcome = ReportedOutcome()
  begin { failure in
    outcome.failure.withLock { $0 = failure }
    parker.unpark()
  }
  parker.park()
  if let failure = outcome.failure.withLock({ $0 }) { throw failure }
}

/// The same without blocking the calling thread.
func awaitReport(
  of begin: (@escaping @Sendable (StorageError?) -> Void) -> Void
) async throws(StorageError) {
  let failure = await withUnsafeContinuation { (continuation: UnsafeContinuation<StorageError?, Never>) in
    begin { continuation.resume(returning: $0) }
  }
  if let failure { throw failure }
}

private final class ReportedOutcome: Sendable {
  let failure = Mutex<StorageError?>(nil)
}
