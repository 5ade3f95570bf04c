import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// What range removals hide whole goes whole, with its values, and only then when nobody sees it any more.
@Suite struct CoveredDropTests {
  private static let path = "/store"

  private static var options: EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 16 << 10
    options.segmentBytes = 8 << 10
    options.compressionLevel = nil
    return options
  }

  private static func open(_ disk: SimulatedFileSystem, seed: UInt64 = 1) throws -> Engine {
    try Engine.open(at: path, options: options, environment: .simulated(disk, seed: seed))
  }

  private static func key(_ run: Int, _ index: Int) -> [UInt8] {
    [UInt8(run), UInt8(index >> 8), UInt8(index & 255)]
  }

  /// Several levels of segments, and value files.
  private static func fill(_ engine: Engine, _ model: inout OrderedModel, runs: Int, seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for step in 0..<900 {
      let key = key(random.below(runs), random.below(300))
      let length = random.isHit(oneIn: 4) ? 2048 + random.below(4000) : random.below(300)
      let value = [UInt8](repeating: UInt8(truncatingIfNeeded: step), count: length)
      try engine.write(.buffered) { try $0.set(key, to: value) }
      model.set(key, to: value)
    }
  }

  /// Has what is in memory flushed, without another key.
  private static func flush(_ engine: Engine, _ range: KeyRange) throws {
    try engine.write(.buffered) { batch in for _ in 0..<1024 { try batch.remove(range) } }
    try engine.write(.buffered) { try $0.remove(range) }
  }

  private static func files(_ disk: SimulatedFileSystem, _ suffix: String) throws -> [String] {
    try disk.list(path).filter { $0.hasSuffix(suffix) }
  }

  private static func check(_ disk: SimulatedFileSystem) throws {
    let directory = StoreDirectory(path: path, fileSystem: disk)
    let state = try #require(try Manifest.load(from: directory))
    #expect(try LivenessCheck.complaint(about: state, in: directory) == nil)
  }

  private static func bytes(_ disk: SimulatedFileSystem) throws -> UInt64 {
    try files(disk, ".segment").reduce(0) { sum, name in
      sum + (try disk.information(at: path + "/" + name)?.size ?? 0)
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>, [false, true])
  func nothingIsLeftOfAStoreThatWasRemovedWhole(seed: UInt64, withSnapshot: Bool) throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk, seed: seed)
    var model = OrderedModel()
    try Self.fill(engine, &model, runs: 5, seed: seed)
    let filled = try Self.bytes(disk)
    #expect(filled > 80 << 10)
    var snapshot = withSnapshot ? try engine.snapshot() : nil
    try Self.flush(engine, .all)
    #expect(try engine.all() == [])
    if withSnapshot {
      // Compactions let go of what is overwritten, and of nothing else.
      #expect(try Self.bytes(disk) > filled / 2)
      #expect(try snapshot?.entries(in: .all) == model.entries)
      // Nobody writes any more: that it is let go of is all that happens.
      snapshot = nil
    }
    // What a memtable held beside the removal is kept for a snapshot in level 0, until that is merged.
    #expect(try withSnapshot || Self.files(disk, ".values") == [])
    #expect(try Self.bytes(disk) < (withSnapshot ? 16384 : 2048))
    #expect(try engine.all() == [])
    try engine.close()
    try Self.check(disk)
    let quiesced = try QuiescedStore(disk, at: Self.path, options: Self.options)
    #expect(try quiesced.entries() == [])
    #expect(quiesced.tree.state.version.levels.joined().isEmpty)
    #expect(try Self.files(disk, ".values") == [])
  }

  /// One removal for each run: a segment with several runs goes when the last of them does.
  @Test(arguments: 1...3 as ClosedRange<UInt64>) func severalRemovalsCoverTogether(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk, seed: seed)
    var model = OrderedModel()
    try Self.fill(engine, &model, runs: 24, seed: seed)
    try engine.write(.buffered) { batch in
      for run in (0..<24).shuffled(using: &random) { try batch.remove(.prefix([UInt8(run)])) }
    }
    try Self.flush(engine, .prefix([99]))
    #expect(try engine.all() == [])
    #expect(try Self.files(disk, ".values") == [])
    #expect(try Self.bytes(disk) < 4096)
    try engine.close()
    try Self.check(disk)
  }

  /// Removed run by run, with flushes and compactions between, so that removals and what is left of other runs
  /// get into the same segments: after a quiet while nothing is left at all.
  @Test(arguments: 1...4 as ClosedRange<UInt64>, [false, true])
  func afterAQuietWhileNothingIsLeft(seed: UInt64, singly: Bool) throws {
    var random = SeededGenerator(seed: seed)
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk, seed: seed)
    var model = OrderedModel()
    try Self.fill(engine, &model, runs: 8, seed: seed)
    for run in (0..<8).shuffled(using: &random) {
      let snapshot = random.isHit(oneIn: 2) ? try engine.snapshot() : nil
      let range = KeyRange.prefix([UInt8(run)])
      if singly {
        for key in model.entries(in: range).map(\.key) { try engine.write(.buffered) { try $0.remove(key) } }
      } else {
        try Self.flush(engine, range)
      }
      model.remove(range)
      #expect(try engine.all() == model.entries, "seed \(seed)")
      withExtendedLifetime(snapshot) {}
    }
    try engine.close()
    let quiesced = try QuiescedStore(disk, at: Self.path, options: Self.options)
    #expect(quiesced.tree.state.version.levels.joined().isEmpty, "seed \(seed)")
    #expect(quiesced.tree.state.version.values == ValueCatalog())
    #expect(try Self.files(disk, ".segment") == [])
    #expect(try Self.files(disk, ".values") == [])
  }

  /// Values that were overwritten far above them are found dead in a quiet while.
  @Test(arguments: 1...3 as ClosedRange<UInt64>) func whatWasOverwrittenIsFoundDead(seed: UInt64) throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk, seed: seed)
    var model = OrderedModel()
    try Self.fill(engine, &model, runs: 6, seed: seed)
    try Self.fill(engine, &model, runs: 2, seed: seed + 1)
    try engine.close()
    let quiesced = try QuiescedStore(disk, at: Self.path, options: Self.options)
    #expect(try quiesced.entries() == model.entries)
    let needed = model.entries.filter { $0.value.count >= 2048 }.count
    let live = quiesced.tree.state.version.values.liveness.values.reduce(0) { $0 + Int($1.liveCount) }
    #expect(live == needed, "seed \(seed)")
  }

  /// A snapshot between what is covered and its removal holds it; an older or a newer one does not.
  @Test func onlyASnapshotBetweenHolds() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    let older = try engine.snapshot()
    var model = OrderedModel()
    try Self.fill(engine, &model, runs: 3, seed: 7)
    var between: EngineSnapshot? = try engine.snapshot()
    try Self.flush(engine, .prefix([1]))
    let newer = try engine.snapshot()
    var rest = model
    rest.remove(.prefix([1]))
    try Self.flush(engine, .prefix([9]))
    let held = try Self.bytes(disk)
    #expect(try between?.entries(in: .all) == model.entries)
    between = nil
    let freed = try Self.bytes(disk)
    #expect(freed < held)
    #expect(try newer.entries(in: .all) == rest.entries)
    #expect(try older.entries(in: .all) == [])
    #expect(try engine.all() == rest.entries)
    try engine.close()
    try Self.check(disk)
  }

  /// The removal stays, and with it what a transaction that began before it has to be told.
  @Test func aTransactionStillLearnsOfTheRemoval() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    var model = OrderedModel()
    try Self.fill(engine, &model, runs: 2, seed: 3)
    let key = try #require(model.entries.first?.key)
    var seen: [[UInt8]?] = []
    try engine.transact { (transaction: any KeyValueTransaction) in
      seen.append(try transaction.get(key))
      if seen.count == 1 { try Self.flush(engine, .all) }
      try transaction.set([200], to: [1])
    }
    #expect(seen == [model.values[key], nil])
  }

  /// A segment that cannot be read is left to compactions; the others go all the same.
  @Test func aDamagedSegmentKeepsNoOtherFromGoing() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for index in 0..<60 {
      try engine.write(.buffered) { try $0.set(Self.key(index, 0), to: .init(repeating: 1, count: 3000)) }
    }
    try engine.close()
    let state = try #require(try Manifest.load(from: StoreDirectory(path: Self.path, fileSystem: disk)))
    let victim = try #require(state.levels.joined().first { $0.referencedBytes > 0 })
    let others = state.levels.joined().filter { $0.fileNumber != victim.fileNumber }
    #expect(others.count > 1)
    let file = try disk.openFile(
      Self.path + "/" + StoreDirectory.Entry.segment(victim.fileNumber).name, .readWrite)
    try [UInt8](repeating: 0, count: 16).withUnsafeBytes { try file.write($0, at: 0) }
    let again = try Self.open(disk, seed: 2)
    try Self.flush(again, .all)
    let left = try Self.files(disk, ".segment")
    #expect(left.contains(StoreDirectory.Entry.segment(victim.fileNumber).name))
    for other in others { #expect(!left.contains(StoreDirectory.Entry.segment(other.fileNumber).name)) }
    try again.close()
  }
}
