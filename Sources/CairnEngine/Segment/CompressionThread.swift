import Synchronization

/// A thread that compresses blocks for those who write segments, beside their own: compressing takes longer than all
/// else that writing does.
///
/// Nobody depends on it. Who offers a run compresses it alone if the helper has not begun with it by the time that
/// it is needed, so that a helper who is busy, or stopped, holds nobody up.
final class CompressionThread: Sendable {
  private struct State {
    var queue: (any BackgroundQueue)?
    var isStopped = false
  }

  private let scheduler: any BackgroundScheduler
  private let state = Mutex(State())

  init(scheduler: any BackgroundScheduler) {
    self.scheduler = scheduler
  }

  /// - Parameter compressor: nobody else's but the helper's.
  func offer(_ run: BlockRun, _ compressor: BlockCompressor) {
    // With the first one: many a store never compresses anything.
    let queue = state.withLock { state in
      if state.queue == nil && !state.isStopped { state.queue = scheduler.makeQueue(label: "cairn-compress") }
      return state.queue
    }
    nonisolated(unsafe) let compressor = compressor
    queue?.submit { if run.claim() { run.compress(with: compressor) } }
  }

  func stop() {
    let queue = state.withLock { state in
      state.isStopped = true
      defer { state.queue = nil }
      return state.queue
    }
    queue?.drainAndStop()
  }
}
