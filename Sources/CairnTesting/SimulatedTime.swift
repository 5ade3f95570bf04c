public import CairnKV
import Synchronization

/// Time that stands still until it is told to move.
public final class SimulatedTime: TimeSource {
  private struct State {
    var wallMicroseconds: Int64
    var monotonicNanoseconds: UInt64
  }

  private let state: Mutex<State>

  /// Time that begins at 2001-09-09 01:46:40 UTC, one second after the machine started, unless told
  /// otherwise.
  public init(wallMicroseconds: Int64 = 1_000_000_000_000_000, monotonicNanoseconds: UInt64 = 1_000_000_000) {
    state = Mutex(State(wallMicroseconds: wallMicroseconds, monotonicNanoseconds: monotonicNanoseconds))
  }

  public func wallMicroseconds() -> Int64 {
    state.withLock { $0.wallMicroseconds }
  }

  public func monotonicNanoseconds() -> UInt64 {
    state.withLock { $0.monotonicNanoseconds }
  }

  /// Lets time pass, on both clocks.
  public func advance(byMicroseconds microseconds: UInt32) {
    state.withLock { state in
      state.wallMicroseconds &+= Int64(microseconds)
      state.monotonicNanoseconds &+= UInt64(microseconds) * 1000
    }
  }

  /// Sets the wall clock, forwards or back, as an administrator would; the monotonic clock does not notice.
  public func setWallClock(toMicroseconds microseconds: Int64) {
    state.withLock { $0.wallMicroseconds = microseconds }
  }

  /// Starts the machine anew: the monotonic clock counts from `nanoseconds`, the wall clock goes on.
  public func restartMachine(monotonicNanoseconds nanoseconds: UInt64 = 1_000_000_000) {
    state.withLock { $0.monotonicNanoseconds = nanoseconds }
  }
}
