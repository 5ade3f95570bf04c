import CairnKV
import Logging

@testable import CairnEngine

/// The cases of an event, without what they carry. One that is added breaks ``init(of:)``, which wants a kind for it, and
/// the kind then wants an example: so no case is without an expected record.
enum EventKind: CaseIterable {
  case flushFinished, compactionFinished, valuesRewritten, coveredFilesDropped, stallBegan, stallEnded
  case backgroundFailed, synchronizationSlow, spaceLow, spaceRegained, writableByOthers, writingStopped
  case filesRemoved, removalFailed, logBegun, idleWorkBegan, corruptionFound, missed

  init(of event: EngineEvent) {
    switch event {
    case .flushFinished: self = .flushFinished
    case .compactionFinished: self = .compactionFinished
    case .valuesRewritten: self = .valuesRewritten
    case .coveredFilesDropped: self = .coveredFilesDropped
    case .stallBegan: self = .stallBegan
    case .stallEnded: self = .stallEnded
    case .backgroundFailed: self = .backgroundFailed
    case .synchronizationSlow: self = .synchronizationSlow
    case .spaceLow: self = .spaceLow
    case .spaceRegained: self = .spaceRegained
    case .writableByOthers: self = .writableByOthers
    case .writingStopped: self = .writingStopped
    case .filesRemoved: self = .filesRemoved
    case .removalFailed: self = .removalFailed
    case .logBegun: self = .logBegun
    case .idleWorkBegan: self = .idleWorkBegan
    case .corruptionFound: self = .corruptionFound
    case .missed: self = .missed
    }
  }

  struct Example {
    let event: EngineEvent
    let level: Logger.Level
    let message: String
    let metadata: Logger.Metadata

    init(_ event: EngineEvent, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) {
      self.event = event
      self.level = level
      self.message = message
      self.metadata = metadata
    }
  }

  /// An event of this kind, and all that is to be logged of it.
  var example: Example {
    switch self {
    case .flushFinished:
      Example(
        .flushFinished(
          .init(memtableBytes: 4096, segmentBytes: 3000, valueFileBytes: 0, nanoseconds: 12_345_678)),
        .debug, "memtable flushed",
        [
          "memtableBytes": "4096", "segmentBytes": "3000", "valueFileBytes": "0",
          "durationMilliseconds": "12.345",
        ])
    case .compactionFinished:
      Example(
        .compactionFinished(
          .init(
            level: 1, inputSegments: 3, inputBytes: 900, outputSegments: 2, outputBytes: 800, isMove: false,
            nanoseconds: 999)),
        .debug, "segments compacted",
        [
          "level": "1", "inputSegments": "3", "inputBytes": "900", "outputSegments": "2",
          "outputBytes": "800",
          "isMove": "false", "durationMilliseconds": "0.000",
        ])
    case .valuesRewritten:
      Example(
        .valuesRewritten(.init(inputFiles: 2, inputBytes: 70, outputBytes: 60, nanoseconds: 1_007_000)),
        .debug, "value files rewritten",
        ["inputFiles": "2", "inputBytes": "70", "outputBytes": "60", "durationMilliseconds": "1.007"])
    case .coveredFilesDropped:
      Example(
        .coveredFilesDropped(.init(count: 2, bytes: 5)), .debug, "covered segments dropped",
        ["count": "2", "bytes": "5"])
    case .stallBegan:
      Example(.stallBegan(.levelZero), .warning, "writers stalled", ["limit": "levelZero"])
    case .stallEnded:
      Example(
        .stallEnded(.memory, nanoseconds: 2_500_000_000), .warning, "writers no longer stalled",
        ["limit": "memory", "durationMilliseconds": "2500.000"])
    case .backgroundFailed:
      Example(
        .backgroundFailed(.flush, StorageError(.inputOutput, "no", file: "/s/1.segment", systemError: 5)),
        .error, "background work failed",
        [
          "work": "flush", "errorCode": "inputOutput", "error": "no", "file": "/s/1.segment",
          "systemError": "5",
        ])
    case .synchronizationSlow:
      Example(
        .synchronizationSlow(nanoseconds: .max), .warning, "disk sync slow",
        ["durationMilliseconds": "18446744073709.551"])
    case .spaceLow:
      Example(
        .spaceLow(freeBytes: 1000), .warning, "disk space low, only removals accepted", ["freeBytes": "1000"])
    case .spaceRegained:
      Example(.spaceRegained, .warning, "disk space regained, everything accepted", [:])
    case .writableByOthers:
      Example(.writableByOthers(path: "/s"), .warning, "store writable by others", ["path": "/s"])
    case .writingStopped:
      Example(
        .writingStopped(StorageError(.storageFailed, "gone", offset: 7, holder: 9)),
        .critical, "writing stopped until the store is opened anew",
        ["errorCode": "storageFailed", "error": "gone", "offsetBytes": "7", "holderProcess": "9"])
    case .filesRemoved:
      Example(
        .filesRemoved(.init(count: 1, bytes: 2)), .debug, "files removed", ["count": "1", "bytes": "2"])
    case .removalFailed:
      Example(
        .removalFailed(
          .init(file: "1.log", error: StorageError(.inputOutput, "no", file: "/s/1.log"), isRetried: true)),
        .warning, "file not removed",
        ["file": "1.log", "isRetried": "true", "errorCode": "inputOutput", "error": "no"])
    case .logBegun:
      Example(
        .logBegun(.init(number: 8, capacityBytes: 64, beginsMemtable: true)), .debug, "log begun",
        ["number": "8", "capacityBytes": "64", "beginsMemtable": "true"])
    case .idleWorkBegan:
      Example(
        .idleWorkBegan(.init(logBytes: 1, spareBytes: 2, coveredBytes: 3)), .debug, "idle work begun",
        ["logBytes": "1", "spareBytes": "2", "coveredBytes": "3"])
    case .corruptionFound:
      Example(
        .corruptionFound(VerificationViolation(.example, file: "/s/1.segment", offset: 70, "it differs")),
        .critical, "corruption found",
        [
          "check": "\(VerificationCheck.example.rawValue)", "finding": "it differs", "file": "/s/1.segment",
          "offsetBytes": "70",
        ])
    case .missed:
      Example(.missed(count: 12), .warning, "events missed", ["count": "12"])
    }
  }
}

extension VerificationCheck {
  static let example = VerificationCheck.allCases[0]
}
