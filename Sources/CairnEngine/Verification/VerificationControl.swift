import Synchronization

/// Ends a verification or a scrub that is under way, from any thread.
public final class VerificationControl: Sendable {
  private struct State {
    var isCancelled = false
    var pause: (any Pause)?
  }

  private let state = Mutex(State())

  /// A control of one run, or of several that end together.
  public init() {}

  /// Has the run end soon: after the block that it is reading, and without waiting for its pace. What it has
  /// found until then is reported.
  public func cancel() {
    let pause = state.withLock { state in
      state.isCancelled = true
      return state.pause
    }
    pause?.end()
  }

  /// Whether ``cancel()`` was called.
  public var isCancelled: Bool { state.withLock { $0.isCancelled } }

  /// - Parameter pause: where the run waits, so that ending it ends the waiting.
  func attach(_ pause: any Pause) { state.withLock { $0.pause = pause } }
}
