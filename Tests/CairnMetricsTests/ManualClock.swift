import Synchronization

/// A clock that stands still until it is told to move, and says when somebody waits for it.
final class ManualClock: Clock {
  struct Instant: InstantProtocol {
    var offset: Duration = .zero

    func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
    func duration(to other: Instant) -> Duration { other.offset - offset }
    static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
  }

  /// Somebody who sleeps for no time at all would never stop.
  struct NothingToWaitFor: Error {}

  private struct Sleeper {
    var deadline: Instant
    var continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var now = Instant()
    var sleeper: Sleeper?
    var isCancelled = false
  }

  private let state = Mutex(State())
  private let fellAsleep: AsyncStream<Instant>.Continuation
  /// Until when somebody sleeps, each time that somebody begins to: for one task to wait for.
  let sleeps: AsyncStream<Instant>

  init() {
    (sleeps, fellAsleep) = AsyncStream.makeStream()
  }

  var now: Instant { state.withLock { $0.now } }
  var minimumResolution: Duration { .nanoseconds(1) }

  func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let outcome: Result<Void, any Error>? = state.withLock { state in
          if state.isCancelled { return .failure(CancellationError()) }
          if deadline <= state.now { return .failure(NothingToWaitFor()) }
          state.sleeper = Sleeper(deadline: deadline, continuation: continuation)
          return nil
        }
        if let outcome { continuation.resume(with: outcome) } else { fellAsleep.yield(deadline) }
      }
    } onCancel: {
      let sleeper = state.withLock { state in
        state.isCancelled = true
        defer { state.sleeper = nil }
        return state.sleeper
      }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  func advance(by duration: Duration) {
    let sleeper: Sleeper? = state.withLock { state in
      state.now = state.now.advanced(by: duration)
      guard let sleeper = state.sleeper, sleeper.deadline <= state.now else { return nil }
      state.sleeper = nil
      return sleeper
    }
    sleeper?.continuation.resume()
  }
}
