public import CairnEngine
public import Logging

/// Writes what happens inside a store to a log, an event a record, until the store is closed.
///
///     let events = EventLogger(engine.events, logger: Logger(label: "store"))
///     async let logging: Void = events.run()
///
/// Every kind of event has a message of its own, which never changes with what the event carries: that is in the
/// metadata, under keys whose last word is the unit (`bytes`, `durationMilliseconds`). What follows goes by level:
///
/// - `critical`: the store takes no more writes, or something in it is damaged. Somebody has to look.
/// - `error`: background work failed that writers wait for.
/// - `warning`: writers are stalled, the disk is slow or nearly full, files may be changed by others, a file could not be
///   removed, or events were missed. What ends such a state has the level of its beginning, so that a filter shows both or
///   neither.
/// - `debug`: flushes, compactions, new logs and whatever else a healthy store does, a few a second at most.
///
/// The store never waits for the log. A handler that is slower than the store loses the oldest events, no more than the
/// newest `EngineEvents.bufferLimit` being kept for it, and their number is logged in their place.
public struct EventLogger: Sendable {
  private let events: EngineEvents
  private let logger: Logger

  /// A logger of one store's events.
  ///
  /// - Parameters:
  ///   - events: `engine.events`. They are kept from when they are asked for, so that nothing is missed between this and
  ///     ``run()``.
  ///   - logger: Where they are written, with its level and its metadata. Give it what tells this store from others.
  public init(_ events: EngineEvents, logger: Logger) {
    self.events = events
    self.logger = logger
  }

  /// Writes the events as they come. Returns when the store is closed and all was written, or when the task is cancelled.
  ///
  /// Once, and by one task: events that were written are gone. Costs a dictionary of a few strings an event, and what the
  /// log's handler costs, on the task that runs it and never on a thread of the store.
  public func run() async {
    for await event in events { EventRecord(event).write(to: logger) }
  }
}
