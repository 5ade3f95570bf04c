import BenchmarkKit
import CPhysicalLimit
import Foundation
import Peers

/// Who takes part in a row.
enum Contestant: Sendable {
  case engine(any StoreEngine)
  /// Cairn, loading by ``Engine/ingest(into:replacing:_:)``.
  case ingest
  case limit(LimitPath)
  case processor

  /// How bytes reach the disk without any store.
  enum LimitPath: String, Sendable, CaseIterable {
    case appended, buffered, direct

    var kind: physical_limit_path {
      switch self {
      case .appended: PHYSICAL_LIMIT_APPENDED
      case .buffered: PHYSICAL_LIMIT_BUFFERED
      case .direct: PHYSICAL_LIMIT_DIRECT
      }
    }

    var configuration: String {
      switch self {
      case .appended: "pwrite at the end of a file that grows, fdatasync"
      case .buffered: "pwrite into a pre-written file, rounded up to pages of 4 KiB, fdatasync"
      case .direct: "pwrite into a pre-written file, rounded up to pages of 4 KiB, O_DIRECT | O_DSYNC"
      }
    }
  }

  var name: String {
    switch self {
    case .engine(let engine): engine.name
    case .ingest: "Cairn ingest"
    case .limit(let path): "limit \(path.rawValue)"
    case .processor: "processor"
    }
  }

  var isCairn: Bool { name == "Cairn" }

  /// Settles a store that was filled, and leaves it alone for a while: Cairn does more once nobody has written for ten
  /// seconds, and what one gets all get.
  func settleAtRest(_ store: any BenchmarkStore, seconds: Int) throws {
    try store.settle()
    if seconds == 0 { return }
    sleep(UInt32(seconds))
    try store.settle()
  }

  func subject(_ settings: StoreSettings) -> Subject {
    switch self {
    case .engine(let engine):
      let role: Subject.Role =
        isCairn ? .ours : engine.name == "RocksDB recycled logs" ? .weakerPeer : .peer
      return Subject(
        name, role, version: engine.version, configuration: engine.configuration(settings))
    case .ingest:
      return Subject(name, .ours, configuration: "Cairn's own call for entries that come sorted")
    case .limit(let path): return Subject(name, .limit, configuration: path.configuration)
    case .processor: return Subject(name, .limit, configuration: "one thread, bytes in its cache")
    }
  }
}
