import Synchronization

/// A state, with a reference count of its own.
final class StateReference: Sendable {
  let state: ReadState

  init(_ state: ReadState) { self.state = state }
}

/// The current state of a tree, for any number of threads to read from at once.
///
/// There is a lock and a reference for each lane, so that threads neither wait for each other nor count in the
/// same place; a change takes all locks. So who holds one lock sees a state, and whatever is published under
/// the locks, as if there were only one.
final class CurrentState: Sendable {
  private let lanes: Lanes<Mutex<StateReference>>

  init(_ state: ReadState) {
    lanes = Lanes { Mutex(StateReference(state)) }
  }

  /// Calls `body` with the current state, which does not change meanwhile.
  @inline(__always)
  func withReference<Result>(_ body: (StateReference) -> sending Result) -> sending Result {
    lanes[Lanes<Mutex<StateReference>>.own].pointee.withLock { body($0) }
  }

  /// Puts another state in the place of the current one, while nobody reads which it is.
  /// - Returns: the former one. To be let go of outside of all locks: its last reference may remove files.
  func change(_ successor: (ReadState) -> ReadState) -> ReadState { change(0, successor).former }

  private func change(
    _ lane: Int, _ successor: (ReadState) -> ReadState
  ) -> (former: ReadState, new: ReadState) {
    lanes[lane].pointee.withLock { reference in
      let states: (former: ReadState, new: ReadState)
      if lane + 1 < Lanes<Mutex<StateReference>>.count {
        states = change(lane + 1, successor)
      } else {
        states = (reference.state, successor(reference.state))
      }
      reference = StateReference(states.new)
      return states
    }
  }
}
