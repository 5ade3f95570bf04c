import CairnEngine
import Foundation

/// What a store's directory takes on disk.
struct DiskUsage: Equatable {
  /// The blocks of all files, in bytes.
  private(set) var bytes: UInt64 = 0
  /// Those of logs and of files kept to become logs.
  private(set) var logBytes: UInt64 = 0
  /// How many files there are, by the ending of their names, or by the whole name where it has none.
  private(set) var counts: [String: Int] = [:]
  /// Files that a closed store has no use for.
  private(set) var strays: [String] = []

  /// Looks into the directory at `path`; what can't be examined takes nothing.
  init(of path: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
      var status = stat()
      guard lstat(path + "/" + name, &status) == 0 else { continue }
      add(name, bytes: UInt64(max(0, status.st_blocks)) * 512)
    }
    strays.sort()
  }

  /// A directory of these files.
  init(_ files: [(name: String, bytes: UInt64)]) {
    for file in files { add(file.name, bytes: file.bytes) }
    strays.sort()
  }

  /// What a closed store does not account for, in words.
  /// - Parameter space: What it says of itself.
  func unaccounted(by space: EngineStatistics.Space) -> [String] {
    var result = strays
    for (kind, accounted) in [
      ("log", space.logCount), ("segment", space.segmentCount), ("values", space.valueFileCount), ("LOCK", 1),
      ("MANIFEST", 1),
    ] {
      let found = counts[kind, default: 0]
      if found != accounted { result.append("\(found) of the kind \(kind) instead of \(accounted)") }
    }
    return result
  }

  private mutating func add(_ name: String, bytes: UInt64) {
    self.bytes += bytes
    let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let isNumbered =
      parts.count == 2 && parts[0].count >= 8 && parts[0].allSatisfy { ("0"..."9").contains($0) }
    let kind = isNumbered ? String(parts[1]) : name
    counts[kind, default: 0] += 1
    switch kind {
    case "log": logBytes += bytes
    case "spare":
      logBytes += bytes
      if counts[kind, default: 0] > 2 { strays.append(name) }
    case "LOCK", "MANIFEST", "segment", "values": break
    default: strays.append(name)
    }
  }
}
