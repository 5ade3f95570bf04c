/// What happens inside an open store, from when the sequence was asked for until the store is closed.
///
/// Every sequence is a listener of its own with a buffer of ``bufferLimit`` events. The store never waits for a
/// listener: one that does not keep up loses the oldest events, and is told how many by
/// ``EngineEvent/missed(count:)`` in their place. A sequence is for one task to iterate over; letting go of it,
/// or cancelling the task, ends the listening.
public struct EngineEvents: AsyncSequence, Sendable {
  /// How many events are kept for a listener that is busy.
  public static let bufferLimit = 256

  private let stream: AsyncStream<EventHub.Numbered>

  init(_ hub: EventHub) {
    stream = hub.listen(bufferLimit: Self.bufferLimit)
  }

  /// What one task iterates with.
  public func makeAsyncIterator() -> Iterator { Iterator(stream.makeAsyncIterator()) }

  /// Waits for one event after the other.
  public struct Iterator: AsyncIteratorProtocol {
    private var base: AsyncStream<EventHub.Numbered>.Iterator
    private var nextNumber: UInt64 = 0
    /// What came after a gap, while the gap is told first.
    private var held: EngineEvent?

    fileprivate init(_ base: AsyncStream<EventHub.Numbered>.Iterator) {
      self.base = base
    }

    /// The next event; `nil` once the store is closed and all was told.
    public mutating func next() async -> EngineEvent? {
      if let event = held {
        held = nil
        return event
      }
      guard let element = await base.next(isolation: #isolation) else { return nil }
      defer { nextNumber = element.number &+ 1 }
      if element.number == nextNumber { return element.event }
      held = element.event
      return .missed(count: element.number &- nextNumber)
    }
  }
}
