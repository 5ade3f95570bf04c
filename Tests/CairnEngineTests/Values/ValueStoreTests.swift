import CairnKV
import CairnTesting
import Synchronization
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
    var isUsed = false
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
      // In a later life all of them may have died.
      if try !Self.state(disk).values.files.isEmpty { isUsed = true }
    }
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

  // MARK: Pieces

  @Test func aValueIsReadInPieces() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    let lengths = [0, 1, 2047, 2048, 131_071, 131_072, 131_073, 400_000]
    let values = lengths.map { length in (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 / 3) } }
    for (index, value) in values.enumerated() { try engine.write { try $0.set(Self.key(index), to: value) } }
    let inMemory = try engine.snapshot()
    for index in 0..<800 {
      try engine.write(.buffered) { try $0.set([9], to: .init(repeating: 1, count: index)) }
    }
    try engine.write { try $0.remove(Self.key(3)) }
    for snapshot in [inMemory, try engine.snapshot()] {
      for (index, value) in values.enumerated() where index != 3 || snapshot === inMemory {
        let key = Self.key(index)
        #expect(try snapshot.valueLength(of: key) == value.count)
        for range in [0..<0, 0..<value.count, value.count / 3..<value.count / 2, value.count..<value.count] {
          #expect(try snapshot.readValue(of: key, range: range) == Array(value[range]))
        }
        for range in [0..<value.count + 1, -1..<0, -1..<value.count] {
          let error = #expect(throws: StorageError.self) { try snapshot.readValue(of: key, range: range) }
          #expect(error?.code == .invalidArgument)
        }
        var joined: [UInt8] = []
        #expect(
          try snapshot.forEachPiece(of: key) { piece in
            joined.append(contentsOf: piece.withUnsafeBytes { [UInt8]($0) })
            return .proceed
          })
        #expect(joined == value)
        var pieces = 0
        _ = try snapshot.forEachPiece(of: key) { piece in
          pieces += 1
          return .stop
        }
        #expect(pieces == min(1, value.count))
      }
    }
    let late = try engine.snapshot()
    for key in [Self.key(3), [77]] {
      #expect(try late.valueLength(of: key) == nil)
      #expect(try late.readValue(of: key, range: 0..<1) == nil)
      #expect(try !late.forEachPiece(of: key) { _ in .proceed })
    }
  }

  // MARK: Space

  private static func space(_ disk: SimulatedFileSystem) throws -> (files: UInt64, live: UInt64) {
    let values = try state(disk).values
    return (
      values.files.values.reduce(0) { $0 + $1.fileBytes },
      values.liveness.values.reduce(0) { $0 + $1.liveBytes }
    )
  }

  /// What is overwritten gives its space back, without anybody asking.
  @Test(arguments: [1, 2, 3] as [UInt64]) func overwritingEverythingTakesNoMoreSpace(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    let count = 200
    for round in 0..<4 {
      for index in (0..<count).shuffled(using: &random) {
        try engine.write(.buffered) {
          try $0.set(Self.key(index), to: .init(repeating: UInt8(round), count: 3000 + random.below(3000)))
        }
      }
    }
    #expect(try engine.all().allSatisfy { $0.value.allSatisfy { $0 == 3 } })
    let needed = try UInt64(engine.all().reduce(0) { $0 + $1.value.count })
    try engine.close()
    try Self.check(disk)
    let space = try Self.space(disk)
    print("space, seed \(seed): \(needed) bytes of values, \(space.live) live, \(space.files) in files")
    #expect(space.files <= 2 * space.live)
    // Not found out yet: what level 0 refers to, and what is in memory.
    #expect(space.files <= 2 * (needed + 3 * (64 << 10)))
    let again = try Self.open(disk)
    #expect(try again.all().count == count)
    try again.close()
  }

  @Test func removingEverythingGivesAllValueFilesBack() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for index in 0..<200 {
      try engine.write(.buffered) { try $0.set(Self.key(index), to: .init(repeating: 1, count: 5000)) }
    }
    #expect(try !Self.valueFiles(disk).isEmpty)
    try engine.write { try $0.remove(.all) }
    // Compactions come with further writes, here of values that stay in the tree.
    for index in 0..<6000 {
      try engine.write(.buffered) { try $0.set([9] + Self.key(index), to: .init(repeating: 1, count: 100)) }
    }
    #expect(try Self.valueFiles(disk) == [])
    try engine.close()
    try Self.check(disk)
  }

  /// A file that cannot be read is left alone: the others are rewritten, and reads of what is whole go on.
  @Test func aDamagedFileIsNotRewritten() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for index in 0..<30 {
      try engine.write { try $0.set(Self.key(index), to: .init(repeating: 1, count: 5000)) }
    }
    let name = try #require(try Self.valueFiles(disk).first)
    let file = try disk.openFile(Self.path + "/" + name, .readWrite)
    let zeros = [UInt8](repeating: 0, count: 5000)
    try zeros.withUnsafeBytes { try file.write($0, at: 0) }
    for round in 0..<8 {
      for index in 1..<30 {
        try engine.write { try $0.set(Self.key(index), to: .init(repeating: UInt8(round), count: 5000)) }
      }
    }
    for index in 1..<30 { #expect(try engine.get(Self.key(index))?.count == 5000) }
    let error = #expect(throws: StorageError.self) { try engine.get(Self.key(0)) }
    #expect(error?.code == .corruption)
    #expect(error?.file?.hasSuffix(name) == true)
    try engine.close()
    try Self.check(disk)
    #expect(try Self.valueFiles(disk).count < 12)
  }

  /// Records die, and whole files, between the writing of a file that takes others' place and its edit.
  @Test(arguments: [false, true]) func whatDiesWhileItIsRewrittenStaysDead(entirely: Bool) throws {
    let disk = SimulatedFileSystem()
    let hooked = HookedFileSystem(disk)
    let environment = Environment.simulated(disk, seed: 1)
    try disk.createDirectory(Self.path)
    let opening = StoreOpening(
      directory: StoreDirectory(path: Self.path, fileSystem: hooked), options: Self.options(),
      environment: environment)
    let tree = try opening.run(fileQueue: environment.scheduler.makeQueue(label: "files")).tree
    let files = try (0..<2).map { _ -> (ValueFileProperties, [ValueHandle]) in
      let number = tree.allocateFileNumber()
      let file = try tree.directory.open(.values(number), .create)
      let builder = ValueFileBuilder(file: file, fileNumber: number, salt: 1, options: ValueFileOptions())
      let handles = try (0..<4).map { ordinal in
        try [UInt8](repeating: ordinal, count: 3000).withUnsafeBytes { bytes throws(StorageError) in
          try builder.append(bytes)
        }
      }
      return (try builder.finish(), handles)
    }
    var edit = VersionEdit()
    edit.addedValueFiles = files.map(\.0)
    edit.addedOrigins = files.compactMap { ValueLiveness($0.0) }
    try tree.apply(edit)
    @Sendable func drop(_ handles: [ValueHandle]) throws {
      var edit = VersionEdit()
      edit.valueDrops = try #require(ValueDrops.grouped(handles))
      try tree.apply(edit)
    }
    try drop(Array(files[0].1[..<3] + files[1].1[..<3]))
    hooked.beforeNextCreation {
      // The rewriter has looked at what is live by now.
      do {
        try drop(entirely ? [files[0].1[3], files[1].1[3]] : [files[0].1[3]])
      } catch { Issue.record("\(error)") }
    }
    let rewriter = ValueRewriter(tree: tree, random: environment.random)
    #expect(try rewriter.rewriteOnce())
    let version = tree.state.version
    if entirely {
      #expect(version.values == ValueCatalog())
      #expect(try Self.valueFiles(disk) == [])
    } else {
      #expect(version.values.liveness.keys.sorted() == [files[1].0.fileNumber])
      #expect(version.valueFiles.count == 1)
      #expect(try Self.valueFiles(disk).count == 1)
      #expect(try version.read(files[1].1[3]) == .init(repeating: 3, count: 3000))
      let error = #expect(throws: StorageError.self) { try version.read(files[0].1[3]) }
      #expect(error?.code == .corruption)
    }
    #expect(tree.manifest.state.values == version.values)
    #expect(try Self.state(disk).values == version.values)
  }

  @Test(arguments: [0, 63, 1 << 32]) func thresholdsOutOfRangeAreRefused(threshold: Int) {
    #expect(throws: StorageError.self) {
      try Self.open(SimulatedFileSystem(), Self.options(threshold: threshold))
    }
  }
}

/// Runs something just before a file is created.
private final class HookedFileSystem: ForwardingFileSystem {
  let base: any FileSystem
  private let hook = Mutex<(@Sendable () -> Void)?>(nil)

  init(_ base: SimulatedFileSystem) { self.base = base }

  func beforeNextCreation(_ body: @escaping @Sendable () -> Void) { hook.withLock { $0 = body } }

  func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    if mode == .create {
      let body = hook.withLock { hook -> (@Sendable () -> Void)? in
        defer { hook = nil }
        return hook
      }
      body?()
    }
    return try base.openFile(path, mode)
  }
}
