import CairnKV
import Synchronization

/// Hands events to all who listen. Never waits for any of them: each has a buffer, and loses the oldest events
/// in it when it does not keep up.
///
/// Costs one relaxed load where nobody listens. The lock is held while an event is put into the buffers, which
/// runs nobody else's code: a task that waits for it is handed to its executor.
final class EventHub: Sendable {
  /// An event with its number among those of its listener, by which a gap is noticed.
  struct Numbered: Sendable {
    var number: UInt64
    var event: EngineEvent
  }

  private struct Listener {
    var continuation: AsyncStream<Numbered>.Continuation
    var nextNumber: UInt64 = 0
  }

  private struct State {
    var listeners: [UInt64: Listener] = [:]
    var nextListener: UInt64 = 0
    var opening: [EngineEvent] = []
    var isFinished = false
  }

  private let listenerCount = Atomic<Int>(0)
  private let state = Mutex(State())

  /// How many listeners there are.
  var count: Int { listenerCount.load(ordering: .relaxed) }

  /// Tells an event to everyone who listens.
  @inline(__always)
  func emit(_ event: @autoclosure () -> EngineEvent) {
    if listenerCount.load(ordering: .relaxed) > 0 { deliver(event()) }
  }

  @inline(never)
  private func deliver(_ event: EngineEvent) {
    state.withLock { state in
      for key in state.listeners.keys {
        guard let listener = state.listeners[key] else { continue }
        listener.continuation.yield(Numbered(number: listener.nextNumber, event: event))
        state.listeners[key]?.nextNumber = listener.nextNumber &+ 1
      }
    }
  }

  /// Every listener is to be told this first: it was found when the store was opened, and nobody could listen.
  func emitAtOpening(_ event: EngineEvent) { state.withLock { $0.opening.append(event) } }

  /// What was found at opening, then the events from now on, until the listener lets go of them or ``finish()``.
  func listen(bufferLimit: Int) -> AsyncStream<Numbered> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Numbered.self, bufferingPolicy: .bufferingNewest(bufferLimit))
    let number = state.withLock { state -> UInt64? in
      if state.isFinished { return nil }
      defer { state.nextListener += 1 }
      var listener = Listener(continuation: continuation)
      for event in state.opening {
        continuation.yield(Numbered(number: listener.nextNumber, event: event))
        listener.nextNumber += 1
      }
      state.listeners[state.nextListener] = listener
      listenerCount.add(1, ordering: .relaxed)
      return state.nextListener
    }
    guard let number else {
      continuation.finish()
      return stream
    }
    continuation.onTermination = { [weak self] _ in self?.forget(number) }
    return stream
  }

  /// There will be no more events: who listens sees what is buffered, and then the end.
  func finish() {
    // Ending a stream calls back: not under the lock.
    let listeners = state.withLock { state in
      defer { state.listeners = [:] }
      state.isFinished = true
      listenerCount.store(0, ordering: .relaxed)
      return state.listeners
    }
    for listener in listeners.values { listener.continuation.finish() }
  }

  private func forget(_ number: UInt64) {
    // The stream goes outside the lock.
    let forgotten = state.withLock { state in
      let forgotten = state.listeners.removeValue(forKey: number)
      if forgotten != nil { listenerCount.subtract(1, ordering: .relaxed) }
      return forgotten
    }
    withExtendedLifetime(forgotten) {}
  }
}
