import CairnKV
import CairnTesting
import FuzzKit

@testable import CairnEngine

/// Reads all of a store, in both directions and key by key.
enum StoreWalk {
  static func entries(of reader: some KeyValueReader) throws -> [KeyValue] {
    var forwards: [KeyValue] = []
    try reader.scan(.all, .ascending, limit: nil) { entry in
      forwards.append(entry)
      return forwards.count > 10_000 ? .stop : .proceed
    }
    try demand(forwards.count <= 10_000, "a scan goes on and on")
    for (left, right) in zip(forwards, forwards.dropFirst()) {
      try demand(left.key.lexicographicallyPrecedes(right.key), "\(left.key) before \(right.key)")
    }
    return forwards
  }

  /// Other ways to the same: only of a store that is known to be consistent do they all agree.
  static func demandAgreement(_ reader: some KeyValueReader, with entries: [KeyValue]) throws {
    var backwards: [KeyValue] = []
    try reader.scan(.all, .descending, limit: nil) { entry in
      backwards.append(entry)
      return backwards.count > entries.count ? .stop : .proceed
    }
    try demand(backwards.reversed().elementsEqual(entries), "backwards there is something else")
    for entry in entries {
      try demand(try reader.get(entry.key) == entry.value, "\(entry.key) is not found as it is scanned")
    }
  }
}

/// A store that is opened for reading only.
struct StoreReadFuzz: FuzzTarget {
  static let name = "store-read"
  static let share = 12
  private let forgery: StoreForgery

  init() throws { forgery = try StoreForgery() }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    let disk = try HandmadeStore.disk(forgery.files(&random))
    do {
      let engine = try ReadOnlyEngine.open(
        at: HandmadeStore.path, options: HandmadeStore.options, environment: .simulated(disk, seed: 1))
      let snapshot = try engine.snapshot()
      _ = try StoreWalk.entries(of: snapshot)
      for key in ["a", "c", "e", "x", "zz"] { _ = try snapshot.get(Array(key.utf8)) }
      _ = try snapshot.last(in: .all)
      return .accepted
    } catch let error as StorageError {
      // Of an entry that refers to a value of which the manifest knows nothing, no file is to blame by itself.
      let isNamed = error.file?.hasPrefix(HandmadeStore.path) ?? error.message.hasPrefix("an entry refers to")
      try demand(isNamed, "\(error) names no file")
      return try demandRefusal(error, naming: nil)
    }
  }
}

/// The verification of a store. What it finds sound reads without an error, and alike in every way.
struct StoreVerifyFuzz: FuzzTarget {
  static let name = "store-verify"
  static let share = 10
  private let forgery: StoreForgery

  init() throws { forgery = try StoreForgery() }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    let disk = try HandmadeStore.disk(forgery.files(&random))
    let report = try HandmadeStore.verify(disk)
    for violation in report.violations {
      try demand(violation.file.hasPrefix(HandmadeStore.path), "\(violation) names no file")
    }
    guard report.isSound else { return .rejected }
    let engine = try ReadOnlyEngine.open(
      at: HandmadeStore.path, options: HandmadeStore.options, environment: .simulated(disk, seed: 1))
    let snapshot = try engine.snapshot()
    try StoreWalk.demandAgreement(snapshot, with: StoreWalk.entries(of: snapshot))
    return .accepted
  }
}

/// A store that is opened for writing: recovered, written to, flushed, compacted and closed.
struct StoreOpenFuzz: FuzzTarget {
  static let name = "store-open"
  static let share = 8
  private let forgery: StoreForgery

  init() throws { forgery = try StoreForgery() }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    let disk = try HandmadeStore.disk(forgery.files(&random))
    do {
      let environment = Environment.simulated(disk, seed: 1)
      let engine = try Engine.open(
        at: HandmadeStore.path, options: HandmadeStore.options, environment: environment)
      defer { try? engine.close() }
      _ = try StoreWalk.entries(of: engine.snapshot())
      try engine.transact { try $0.set([0x61], to: [1]) }
      try engine.flush()
      try demand(try engine.snapshot().get([0x61]) == [1], "a commit is not seen")
      _ = engine.statistics()
      return .accepted
    } catch let error as StorageError {
      // A flush and a compaction find out what opening does not look at: that two entries refer to one value, that numbers
      // are used up. They stop, and nothing is written any more.
      return try demandRefusal(error, naming: nil, or: [.storageFailed, .internalInconsistency, .full])
    }
  }
}

/// The repair of a store. Whatever it was, the new one is sound, and holds as many keys as the report says.
struct StoreRepairFuzz: FuzzTarget {
  static let name = "store-repair"
  static let share = 10
  private let forgery: StoreForgery

  init() throws { forgery = try StoreForgery() }

  func execute(_ random: inout FuzzRandom) throws -> FuzzOutcome {
    let disk = try HandmadeStore.disk(forgery.files(&random))
    var options = RepairOptions()
    options.keepsDoubtful = random.chance(1, in: 2)
    options.engine = HandmadeStore.options
    guard let report = try repair(disk, options) else { return .rejected }
    let verified = try Engine.verify(at: "/new", environment: .simulated(disk, seed: 6))
    try demand(verified.isSound, "\(verified.violations)")
    let engine = try ReadOnlyEngine.open(
      at: "/new", options: HandmadeStore.options, environment: .simulated(disk, seed: 7))
    let entries = try StoreWalk.entries(of: engine.snapshot())
    try demand(
      UInt64(entries.count) == UInt64(report.keyCount), "\(entries.count) keys, not \(report.keyCount)")
    return report.isWhole ? .accepted : .rejected
  }

  /// - Returns: `nil` where the old store says that it has given out all numbers there are: none are left for a new one.
  private func repair(_ disk: SimulatedFileSystem, _ options: RepairOptions) throws(StorageError)
    -> RepairReport?
  {
    do throws(StorageError) {
      return try Engine.repair(
        from: HandmadeStore.path, to: "/new", options: options, environment: .simulated(disk, seed: 5))
    } catch {
      if error.code == .full { return nil }
      throw error
    }
  }
}
