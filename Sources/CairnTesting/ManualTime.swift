public import CairnKV
import Synchronization

/// A clock that moves when it is told to.
public final class ManualTime: TimeSource, Sendable {
  private struct State {
    var wallMicroseconds: Int64
    var monotonicNanoseconds: UInt64 = 0
  }

  private let state: Mutex<State>

  /// A clock that shows this time, in microseconds since 1970-01-01 00:00 UTC.
  public init(wallMicroseconds: Int64 = 0) {
    state = Mutex(State(wallMicroseconds: wallMicroseconds))
  }

  /// Lets time pass.
  public func advance(microseconds: UInt32) {
    state.withLock { state in
      state.wallMicroseconds &+= Int64(microseconds)
      state.monotonicNanoseconds &+= UInt64(microseconds) * 1_000
    }
  }

  /// Sets the wall clock, as a person or a time server does; the monotonic time goes on unmoved.
  public func setWall(microseconds: Int64) {
    state.withLock { $0.wallMicroseconds = microseconds }
  }

  public func wallMicroseconds() -> Int64 {
    state.withLock { $0.wallMicroseconds }
  }

  public func monotonicNanoseconds() -> UInt64 {
    state.withLock { $0.monotonicNanoseconds }
  }
}
