// A thread's resting place: one token, at most one thread asleep waiting for it.
//
// Invariant (word): `state` points to four bytes, initialised here and freed in deinit, that nothing but
// the atomic and the system's wait and wake touch. Whoever calls park or unpark holds a reference, so the
// word outlives both.

import CairnShims
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Lets one thread sleep until another wakes it, without a lock.
///
/// ``unpark()`` leaves a token, of which there is at most one; ``park()`` takes it, sleeping until there is
/// one. What happened before `unpark` is visible after the `park` that takes its token.
final class ThreadParker: @unchecked Sendable {
  private static let empty: UInt32 = 0
  private static let token: UInt32 = 1
  private static let asleep: UInt32 = 2

  private let state: UnsafeMutablePointer<Atomic<UInt32>>

  init() {
    state = .allocate(capacity: 1)
    state.initialize(to: Atomic(Self.empty))
  }

  deinit {
    state.deinitialize(count: 1)
    state.deallocate()
  }

  /// Waits for the token and takes it, but no longer than about so many nanoseconds. One thread at a time.
  func park(atMostNanoseconds limit: UInt64 = .max) {
    while true {
      if take() { return }
      let (slept, _) = state.pointee.compareExchange(
        expected: Self.empty, desired: Self.asleep, ordering: .relaxed)
      // Not exchanged: a token has just come, or the word says `asleep` already from a wakeup without a
      // token.
      if !slept, state.pointee.load(ordering: .relaxed) == Self.token { continue }
      let failure = cairn_wait_on_address(state, Self.asleep, limit)
      if failure == ETIMEDOUT {
        // The word may say `asleep` with nobody asleep: then a later unpark wakes nobody, and leaves the
        // token.
        _ = take()
        return
      }
      // Interrupted, or the word had changed: look again. If the system cannot wait at all, don't spin hard.
      if failure != 0, failure != EINTR, failure != EAGAIN { sched_yield() }
    }
  }

  /// Leaves the token and wakes the thread that waits for it. From any thread, any number of times.
  func unpark() {
    let before = state.pointee.exchange(Self.token, ordering: .releasing)
    if before == Self.asleep { cairn_wake_one(state) }
  }

  private func take() -> Bool {
    state.pointee.compareExchange(
      expected: Self.token, desired: Self.empty, successOrdering: .acquiring, failureOrdering: .relaxed
    ).exchanged
  }
}
