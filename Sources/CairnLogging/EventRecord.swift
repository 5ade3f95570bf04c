import CairnEngine
import CairnKV
import Logging

/// What is logged of an event.
///
/// The switch has no `default`: an event that is added has to be given a level before this compiles.
struct EventRecord {
  let level: Logger.Level
  let message: StaticString
  let metadata: Logger.Metadata

  private init(_ level: Logger.Level, _ message: StaticString, _ metadata: Logger.Metadata = [:]) {
    self.level = level
    self.message = message
    self.metadata = metadata
  }

  init(_ event: EngineEvent) {
    switch event {
    case .flushFinished(let flush):
      self.init(.debug, "memtable flushed", flush.metadata)
    case .compactionFinished(let compaction):
      self.init(.debug, "segments compacted", compaction.metadata)
    case .valuesRewritten(let rewriting):
      self.init(.debug, "value files rewritten", rewriting.metadata)
    case .coveredFilesDropped(let files):
      self.init(.debug, "covered segments dropped", files.metadata)
    case .stallBegan(let stall):
      self.init(.warning, "writers stalled", ["limit": "\(stall)"])
    case .stallEnded(let stall, let nanoseconds):
      self.init(
        .warning, "writers no longer stalled",
        ["limit": "\(stall)", "durationMilliseconds": .milliseconds(nanoseconds)])
    case .backgroundFailed(let work, let error):
      self.init(
        error.isDamage ? .critical : work.failureLevel, "background work failed",
        error.metadata.adding(["work": "\(work)"]))
    case .synchronizationSlow(let nanoseconds):
      self.init(.warning, "disk sync slow", ["durationMilliseconds": .milliseconds(nanoseconds)])
    case .spaceLow(let freeBytes):
      self.init(.warning, "disk space low, only removals accepted", ["freeBytes": "\(freeBytes)"])
    case .spaceRegained:
      self.init(.warning, "disk space regained, everything accepted")
    case .writableByOthers(let path):
      self.init(.warning, "store writable by others", ["path": "\(path)"])
    case .writingStopped(let error):
      self.init(.critical, "writing stopped until the store is opened anew", error.metadata)
    case .filesRemoved(let files):
      self.init(.debug, "files removed", files.metadata)
    case .removalFailed(let removal):
      self.init(.warning, "file not removed", removal.metadata)
    case .logBegun(let log):
      self.init(.debug, "log begun", log.metadata)
    case .idleWorkBegan(let idleness):
      self.init(.debug, "idle work begun", idleness.metadata)
    case .corruptionFound(let violation):
      self.init(.critical, "corruption found", violation.metadata)
    case .missed(let count):
      self.init(.warning, "events missed", ["count": "\(count)"])
    }
  }

  func write(to logger: Logger) {
    logger.log(level: level, Logger.Message(stringLiteral: message.description), metadata: metadata)
  }
}

extension EngineEvent.Work {
  /// What a failure costs decides: whether writers come to wait, or the store is merely slower or larger.
  fileprivate var failureLevel: Logger.Level {
    switch self {
    case .flush, .compaction: .error
    case .rewriting, .logPreparation, .idleWork: .warning
    }
  }
}

extension StorageError {
  /// Whether it tells of something that does not pass by itself: bytes that are not what was written, or a defect.
  fileprivate var isDamage: Bool { code == .corruption || code == .internalInconsistency }
}
