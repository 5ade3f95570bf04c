import Logging
import Synchronization

/// A log that is kept, to be looked at.
final class RecordedLog: Sendable {
  struct Entry: Sendable {
    var level: Logger.Level
    var message: String
    var metadata: Logger.Metadata
  }

  private let kept = Mutex<[Entry]>([])
  private let added: AsyncStream<Entry>.Continuation
  /// The entries as they come, for one task to wait for.
  let arrivals: AsyncStream<Entry>

  init() {
    (arrivals, added) = AsyncStream.makeStream()
  }

  var entries: [Entry] { kept.withLock { $0 } }

  func logger(level: Logger.Level = .trace) -> Logger {
    var logger = Logger(label: "test") { _ in Handler(log: self) }
    logger.logLevel = level
    return logger
  }

  fileprivate func add(_ entry: Entry) {
    kept.withLock { $0.append(entry) }
    added.yield(entry)
  }

  private struct Handler: LogHandler {
    let log: RecordedLog
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace
    var metadataProvider: Logger.MetadataProvider?

    init(log: RecordedLog) {
      self.log = log
    }

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      log.add(
        Entry(
          level: event.level, message: event.message.description,
          metadata: metadata.merging(event.metadata ?? [:]) { $1 }))
    }
  }
}
