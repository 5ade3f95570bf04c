import CairnKV
import CairnTesting

@testable import CairnEngine

/// The stores below `Tests/Fixtures`: what each is for, and how it is made. Seeds decide all, so that the same engine
/// makes the same bytes.
enum Fixture: String, CaseIterable, Sendable {
  /// Created and closed.
  case empty
  /// Commits in one log, closed: a seal ends it.
  case logSealed = "log-sealed"
  /// Buffered commits that share pages behind durable ones; the process was killed.
  case logOpen = "log-open"
  /// The same store opened again and killed again: what nobody vouched for was carried over.
  case logCarried = "log-carried"
  /// Two logs: the disk failed when the full memtable was to be flushed.
  case logRotated = "log-rotated"
  /// Flushed three times: three segments in level 0, and what came after in the log.
  case segments
  /// Entries that are alike, in level 1, compressed with dictionaries.
  case levels
  /// Range removals in the log, in level 0 and below, bounded and not.
  case rangeRemovals = "range-removals"
  /// Large values, of several chunks too, some dead, some copied into another file.
  case values
  /// Ingests, replacing and not, whose segments have a sequence base.
  case ingest
  /// A manifest that was rolled over, and has edits and a seal behind its first one.
  case manifest
  /// The power went while buffered commits were being written.
  case torn

  /// What the fixtures are made and opened with.
  static func options() -> EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 8 << 10
    options.segmentBytes = 16 << 10
    options.leastManifestRolloverBytes = 4 << 10
    return options
  }

  private func options(_ version: FormatVersion) -> EngineOptions {
    var options = Self.options()
    options.formatVersion = version
    switch self {
    case .logSealed, .logOpen, .logCarried, .torn: options.memtableBytes = 16 << 10
    case .levels:
      options.memtableBytes = 16 << 10
      options.segmentBytes = 256 << 10
    case .values: options.valueThreshold = 256
    case .manifest: options.leastManifestRolloverBytes = 24 << 10
    default: break
    }
    return options
  }

  /// The store's files. Spares mean nothing and are left out, to keep the repository small.
  func image(_ version: FormatVersion) throws -> StoreImage {
    let disk = try made(version)
    var image = try StoreImage(of: disk)
    image.files = image.files.filter { !$0.key.hasSuffix(".spare") }
    return image
  }

  private func made(_ version: FormatVersion) throws -> SimulatedFileSystem {
    let disk = SimulatedFileSystem()
    let options = options(version)
    let seed = Self.allCases.firstIndex(of: self).map { UInt64($0) + 1 } ?? 0
    var content = FixtureContent(seed: seed)
    switch self {
    case .empty: try use(disk, options, seed) { _ in }
    case .logSealed:
      try use(disk, options, seed) { engine in
        for index in 0..<8 { try content.commit(index % 5 == 4 ? .durable : .buffered, to: engine) }
      }
    case .logOpen, .logCarried:
      let left = try crash(disk, options, seed) { engine in
        for index in 0..<16 { try content.commit(index < 1 ? .durable : .buffered, to: engine) }
      }
      guard self == .logCarried else { return left }
      return try crash(left, options, seed + 100) { engine in
        for _ in 0..<3 { try content.commit(.buffered, to: engine) }
      }
    case .logRotated:
      disk.setFaultPlan(FaultPlan([.init(.create, isSticky: true, pathContaining: ".segment")]))
      return try crash(disk, options, seed) { engine in
        try until({ $0.logs.count == 2 }, in: engine) { try content.commit(.buffered, to: engine) }
      }
    case .segments:
      return try crash(disk, options, seed) { engine in
        try until({ $0.levels[0].count == 3 }, in: engine) { try content.commit(.buffered, to: engine) }
      }
    case .levels:
      // A dictionary is made of 64 KiB and more.
      try use(disk, options, seed) { engine in
        try until({ $0.levels[1].contains { $0.rawValueBytes > 80 << 10 } }, in: engine) {
          try content.alike(to: engine)
        }
      }
    case .rangeRemovals:
      return try crash(disk, options, seed) { engine in
        try until({ !$0.levels[1].isEmpty && $0.levels[0].count == 1 }, in: engine) {
          try content.commit(.buffered, removing: true, to: engine)
        }
        try engine.write { try $0.remove(KeyRange(from: content.key(95), to: nil)) }
        try until({ $0.levels[0].count == 2 }, in: engine) {
          try content.commit(.buffered, removing: true, to: engine)
        }
        for _ in 0..<2 { try content.commit(.buffered, removing: true, to: engine) }
      }
    case .values:
      return try crash(disk, options, seed) { engine in
        try until(Self.hasDeadAndCopiedValues, in: engine) { try content.largeValue(to: engine) }
      }
    case .ingest:
      return try crash(disk, options, seed) { engine in
        for _ in 0..<10 { try content.commit(.buffered, to: engine) }
        try content.ingest(25, replacing: false, to: engine)
        for _ in 0..<2 { try content.commit(.durable, to: engine) }
        try content.ingest(25, replacing: true, to: engine)
      }
    case .manifest:
      return try crash(disk, options, seed) { engine in
        var (size, longest): (UInt64, UInt64) = (0, 0)
        // It grows by a page an edit, and is short again once it was rolled over.
        try until({ _ in size < longest }, in: engine) {
          try content.commit(.buffered, to: engine)
          size = try disk.information(at: StoreImage.path + "/MANIFEST")?.size ?? 0
          longest = max(longest, size)
        }
        try content.ingest(20, replacing: false, to: engine)
      }
    case .torn:
      return try crash(disk, options, seed, .strict) { engine in
        for index in 0..<16 { try content.commit(index < 1 ? .durable : .buffered, to: engine) }
      }
    }
    return disk
  }

  private func use(
    _ disk: SimulatedFileSystem, _ options: EngineOptions, _ seed: UInt64, _ body: (Engine) throws -> Void
  ) throws {
    let engine = try Engine.open(
      at: StoreImage.path, options: options, environment: .simulated(disk, seed: seed))
    try body(engine)
    try engine.close()
  }

  /// The same, but the process dies, or the power goes, before the engine is closed.
  private func crash(
    _ disk: SimulatedFileSystem, _ options: EngineOptions, _ seed: UInt64, _ model: CrashModel = .kill,
    _ body: (Engine) throws -> Void
  ) throws -> SimulatedFileSystem {
    let engine = try Engine.open(
      at: StoreImage.path, options: options, environment: .simulated(disk, seed: seed))
    try body(engine)
    return withExtendedLifetime(engine) { disk.crash(model, seed: seed) }
  }

  /// Goes on until the manifest says that the store is as the fixture needs it.
  private func until(
    _ isReached: (VersionState) -> Bool, in engine: Engine, _ step: () throws -> Void
  ) throws {
    for _ in 0..<3000 {
      if isReached(engine.tree.manifest.state) { return }
      try step()
    }
    throw StorageError(.internalInconsistency, "the fixture \(rawValue) does not become what it is for")
  }

  /// Whether some records of a file are dead, others have been copied into another one, and some value has
  /// several chunks.
  private static func hasDeadAndCopiedValues(_ state: VersionState) -> Bool {
    let files = state.values.files.values
    return files.contains { file in
      file.recordCount
        > file.origins.reduce(0) { $0 + UInt64(state.values.liveness[$1.number]?.liveCount ?? 0) }
    }
      && files.contains { file in !file.origins.contains { $0.number == file.fileNumber } }
      && files.contains { $0.rawBytes > 300_000 }
  }
}
