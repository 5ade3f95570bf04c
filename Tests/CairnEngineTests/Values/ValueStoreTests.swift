import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// Large values of a whole store: where they are, that they read as they were written, and when they go.
@Suite struct ValueStoreTests {
  private static let path = "/store"

  private static func options(threshold: Int = 2048) -> EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 64 << 10
    options.segmentBytes = 16 << 10
    options.valueThreshold = threshold
    return options
  }

  private static func open(
    _ disk: SimulatedFileSystem, _ options: EngineOptions = options()
  ) throws -> Engine {
    try Engine.open(at: path, options: options, environment: .simulated(disk, seed: 1))
  }

  private static func state(_ disk: SimulatedFileSystem) throws -> VersionState {
    try #require(try Manifest.load(from: StoreDirectory(path: path, fileSystem: disk)))
  }

  private static func check(_ disk: SimulatedFileSystem) throws {
    let complaint = try LivenessCheck.complaint(
      about: try state(disk), in: StoreDirectory(path: path, fileSystem: disk))
    #expect(complaint == nil)
  }

  private static func valueFiles(_ disk: SimulatedFileSystem) throws -> [String] {
    try disk.list(path).filter { $0.hasSuffix(".values") }
  }

  private static func key(_ index: Int) -> [UInt8] { [UInt8(index >> 8), UInt8(index & 255)] }

  @Test(arguments: 1...4 as ClosedRange<UInt64>) func sizesAroundTheThreshold(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let disk = SimulatedFileSystem()
    var model = OrderedModel()
    for life in 0..<3 {
      let engine = try Self.open(disk, Self.options(threshold: [2048, 64, 1 << 31][(life + Int(seed)) % 3]))
      var kept: (snapshot: EngineSnapshot, model: OrderedModel)?
      for step in 0..<120 {
        try engine.write(random.isHit(oneIn: 3) ? .durable : .buffered) { batch in
          for _ in 0..<1 + random.below(4) {
            let key = Self.key(random.below(60))
            switch random.below(12) {
            case 0:
              let range = KeyRange(from: key, to: Self.key(random.below(30) + 30))
              if range.isEmpty { continue }
              try batch.remove(range)
              model.remove(range)
            case 1:
              try batch.remove(key)
              model.set(key, to: nil)
            default:
              let length = [0, 63, 64, 65, 2047, 2048, 2049, 9000, 20_000, 140_000][random.below(10)]
              let value = [UInt8](repeating: UInt8(step), count: length)
              try batch.set(key, to: value)
              model.set(key, to: value)
            }
          }
        }
        if step == 40 { kept = (try engine.snapshot(), model) }
        if step == 110 { kept = nil }
        if step % 15 == 0 {
          try #require(try engine.all() == model.entries, "seed \(seed)")
          let descending = try engine.read { try $0.entries(in: .all, .descending) }
          #expect(descending == model.entries.reversed(), "seed \(seed)")
          if let kept { #expect(try kept.snapshot.entries(in: .all) == kept.model.entries, "seed \(seed)") }
          let key = Self.key(random.below(60))
          #expect(try engine.get(key) == model.values[key], "seed \(seed)")
          let inTransaction = try engine.transact { try $0.get(key) }.value
          #expect(inTransaction == model.values[key], "seed \(seed)")
        }
      }
      kept = nil
      try engine.close()
      try Self.check(disk)
    }
    let isUsed = try !Self.state(disk).values.files.isEmpty
    #expect(isUsed)
  }

  /// What was overwritten before it was flushed is never written to a value file.
  @Test func whatIsSupersededInMemoryIsNotWritten() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for step in 0..<40 {
      try engine.write { try $0.set([1], to: .init(repeating: UInt8(step), count: 4000)) }
    }
    try engine.close()
    let written = try Self.state(disk).values.files.values.reduce(0) { $0 + $1.recordCount }
    #expect((1...4).contains(written))
  }

  @Test func steppingOverReadsNoValue() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for index in 0..<100 {
      try engine.write { try $0.set(Self.key(index), to: .init(repeating: 1, count: 4000)) }
    }
    let files = try Self.valueFiles(disk)
    #expect(!files.isEmpty)
    disk.setFaultPlan(
      FaultPlan([.init(.open, isSticky: true, cause: .inputOutput, pathContaining: ".values")]))
    let first = try engine.snapshot()
    try engine.write { try $0.remove(.all) }
    // All that the range held is hidden now: going over it opens no value file.
    #expect(try engine.all() == [])
    #expect(try engine.read { try $0.last(in: .all) } == nil)
    let error = #expect(throws: StorageError.self) { try first.get(Self.key(0)) }
    #expect(error?.code == .inputOutput)
    #expect(error?.file?.hasSuffix(".values") == true)
    disk.setFaultPlan(FaultPlan())
    #expect(try first.get(Self.key(0))?.count == 4000)
  }

  /// A flipped bit is an error of the read that meets it, or of opening the file, and names the file.
  @Test func damageIsAnErrorOfTheRead() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for index in 0..<20 {
      let value = [UInt8](repeating: UInt8(index), count: 4000)
      try engine.write { try $0.set(Self.key(index), to: value) }
    }
    try engine.close()
    let intact = try Dictionary(
      uniqueKeysWithValues: Self.valueFiles(disk).map { name in
        let information = try #require(try disk.information(at: Self.path + "/" + name))
        return (name, information.size)
      })
    var random = SeededGenerator(seed: 3)
    var failures = 0
    for (name, size) in intact.sorted(by: { $0.key < $1.key }) {
      for _ in 0..<40 {
        let copy = disk.crash(.kill, seed: 0)
        let offset = UInt64(random.below(Int(size)))
        let file = try copy.openFile(Self.path + "/" + name, .readWrite)
        var byte: [UInt8] = [0]
        _ = try byte.withUnsafeMutableBytes { try file.read(into: $0, at: offset) }
        byte[0] ^= 1 << UInt8(random.below(8))
        try byte.withUnsafeBytes { try file.write($0, at: offset) }
        let damaged = try Self.open(copy)
        for index in 0..<20 {
          do {
            #expect(try damaged.get(Self.key(index)) == .init(repeating: UInt8(index), count: 4000))
          } catch let error as StorageError {
            #expect(error.code == .corruption)
            #expect(error.file?.hasSuffix(name) == true)
            failures += 1
          }
        }
        try damaged.close()
      }
    }
    #expect(failures > 30)
  }

  @Test func aMissingOrCutValueFileRefusesTheOpening() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for index in 0..<40 {
      try engine.write { try $0.set(Self.key(index), to: .init(repeating: 1, count: 4000)) }
    }
    try engine.close()
    let name = try #require(try Self.valueFiles(disk).first)
    let missing = disk.crash(.kill, seed: 0)
    try missing.remove(Self.path + "/" + name)
    let cut = disk.crash(.kill, seed: 0)
    try cut.openFile(Self.path + "/" + name, .readWrite).truncate(to: 100)
    let alone = disk.crash(.kill, seed: 0)
    try alone.remove(Self.path + "/MANIFEST")
    for name in try alone.list(Self.path) where name.hasSuffix(".segment") {
      try alone.remove(Self.path + "/" + name)
    }
    for damaged in [missing, cut, alone] {
      let error = #expect(throws: StorageError.self) { try Self.open(damaged) }
      #expect(error?.code == .corruption)
      #expect(error?.file?.hasSuffix(".values") == true)
    }
    let stray = disk.crash(.kill, seed: 0)
    _ = try stray.openFile(Self.path + "/00099999.values", .create)
    try Self.open(stray).close()
    #expect(try stray.information(at: Self.path + "/00099999.values") == nil)
  }

  /// A file without anything live stays while somebody reads, and goes then.
  @Test func aReaderKeepsTheFile() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for index in 0..<60 {
      try engine.write { try $0.set(Self.key(index), to: .init(repeating: 1, count: 4000)) }
    }
    let before = try Self.valueFiles(disk)
    try engine.read { reader in
      try engine.write { try $0.remove(.all) }
      for index in 0..<6000 {
        try engine.write(.buffered) { try $0.set([9] + Self.key(index), to: .init(repeating: 1, count: 100)) }
      }
      #expect(try Self.valueFiles(disk) == before)
      #expect(try reader.get(Self.key(7))?.count == 4000)
    }
    try engine.close()
    #expect(try Self.valueFiles(disk) == [])
    try Self.check(disk)
  }

  @Test(arguments: [0, 63, 1 << 32]) func thresholdsOutOfRangeAreRefused(threshold: Int) {
    #expect(throws: StorageError.self) {
      try Self.open(SimulatedFileSystem(), Self.options(threshold: threshold))
    }
  }
}
