import CairnKV

/// Runs blocking work on a background thread while the calling task waits without blocking its own.
func onBackgroundThread<Value: Sendable>(
  of scheduler: any BackgroundScheduler, _ work: @escaping @Sendable () throws(StorageError) -> Value
) async throws(StorageError) -> Value {
  let queue = scheduler.makeQueue(label: "cairn-work")
  let outcome = await withUnsafeContinuation {
    (continuation: UnsafeContinuation<Result<Value, StorageError>, Never>) in
    queue.submit { continuation.resume(returning: Result { () throws(StorageError) in try work() }) }
  }
  // Its only job has run: this waits for the thread to end, not for work.
  queue.drainAndStop()
  return try outcome.get()
}
