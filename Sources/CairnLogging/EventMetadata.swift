// What events carry, as metadata: numbers in full, the unit last in the key.

import CairnEngine
import CairnKV
import Logging

extension EngineEvent.Flush {
  var metadata: Logger.Metadata {
    [
      "memtableBytes": "\(memtableBytes)", "segmentBytes": "\(segmentBytes)",
      "valueFileBytes": "\(valueFileBytes)", "durationMilliseconds": .milliseconds(nanoseconds),
    ]
  }
}

extension EngineEvent.Compaction {
  var metadata: Logger.Metadata {
    [
      "level": "\(level)", "inputSegments": "\(inputSegments)", "inputBytes": "\(inputBytes)",
      "outputSegments": "\(outputSegments)", "outputBytes": "\(outputBytes)", "isMove": "\(isMove)",
      "durationMilliseconds": .milliseconds(nanoseconds),
    ]
  }
}

extension EngineEvent.Rewriting {
  var metadata: Logger.Metadata {
    [
      "inputFiles": "\(inputFiles)", "inputBytes": "\(inputBytes)", "outputBytes": "\(outputBytes)",
      "durationMilliseconds": .milliseconds(nanoseconds),
    ]
  }
}

extension EngineEvent.Files {
  var metadata: Logger.Metadata { ["count": "\(count)", "bytes": "\(bytes)"] }
}

extension EngineEvent.Removal {
  /// The error names a path; the name in the store's directory is what the event is about.
  var metadata: Logger.Metadata { error.metadata.adding(["file": "\(file)", "isRetried": "\(isRetried)"]) }
}

extension EngineEvent.Log {
  var metadata: Logger.Metadata {
    ["number": "\(number)", "capacityBytes": "\(capacityBytes)", "beginsMemtable": "\(beginsMemtable)"]
  }
}

extension EngineEvent.Idleness {
  var metadata: Logger.Metadata {
    ["logBytes": "\(logBytes)", "spareBytes": "\(spareBytes)", "coveredBytes": "\(coveredBytes)"]
  }
}

extension VerificationViolation {
  var metadata: Logger.Metadata {
    var result: Logger.Metadata = ["check": "\(check.rawValue)", "finding": "\(message)", "file": "\(file)"]
    result["offsetBytes"] = offset.map { "\($0)" }
    return result
  }
}

extension StorageError {
  /// The code to filter by, the sentence to read, and of the rest what is known.
  var metadata: Logger.Metadata {
    var result: Logger.Metadata = ["errorCode": "\(code.rawValue)", "error": "\(message)"]
    result["file"] = file.map { "\($0)" }
    result["offsetBytes"] = offset.map { "\($0)" }
    result["systemError"] = systemError.map { "\($0)" }
    result["holderProcess"] = holder.map { "\($0)" }
    return result
  }
}

extension Logger.Metadata {
  /// This and some more, which is preferred where both have a key.
  func adding(_ others: Logger.Metadata) -> Logger.Metadata { merging(others) { $1 } }
}

extension Logger.MetadataValue {
  /// A time with the microseconds behind the point. In integers: a `Double` would be written with more digits than it has.
  static func milliseconds(_ nanoseconds: UInt64) -> Logger.MetadataValue {
    let (whole, rest) = (nanoseconds / 1000).quotientAndRemainder(dividingBy: 1000)
    return "\(whole).\(String(String(1000 + rest).dropFirst()))"
  }
}
