// A store opened for reading only: closed, left by a dead process, or open elsewhere.

import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

@Suite struct ReadOnlyTests {
  private static func environment(_ fileSystem: any FileSystem, seed: UInt64 = 1) -> Environment {
    var environment = Environment.simulated(SimulatedFileSystem(), seed: seed)
    environment.fileSystem = fileSystem
    return environment
  }

  private static func write(
    on fileSystem: any FileSystem, version: FormatVersion = .newest, options: EngineOptions? = nil
  ) throws -> Engine {
    var options = options ?? NumberedCommits.options
    options.formatVersion = version
    return try Engine.open(at: "/store", options: options, environment: environment(fileSystem))
  }

  private static func look(_ fileSystem: any FileSystem, at path: String = "/store") throws -> ReadOnlyEngine
  {
    try ReadOnlyEngine.open(
      at: path, options: NumberedCommits.options, environment: environment(fileSystem, seed: 2))
  }

  private static func count(_ store: ReadOnlyEngine) throws -> Int {
    try store.read { try NumberedCommits.count(in: $0) }
  }

  @Test(arguments: [0, 1, 30, 400], FormatVersion.allCases)
  func aClosedStoreIsReadWhole(count: Int, version: FormatVersion) throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.write(on: disk, version: version)
    for number in 0..<count { try NumberedCommits.write(number + 1, to: engine, .buffered) }
    let position = try engine.snapshot().position
    try engine.close()
    let store = try Self.look(WriteRefusingFileSystem(disk))
    #expect(try store.condition() == .init(position: position, isLive: false, formatVersion: version))
    #expect(try Self.count(store) == count)
    let snapshot = try store.snapshot()
    #expect(try NumberedCommits.count(in: snapshot) == count)
    #expect(try snapshot.valueLength(of: NumberedCommits.numberKey) ?? 0 > (count == 0 ? -1 : 0))
    #expect(try store.staleness() == .init(position: position, newestPosition: position, nanoseconds: 0))
    // Nobody is kept from opening it.
    try Self.write(on: disk).close()
    store.close()
    #expect(store.pinnedCount > 0, "the snapshot needs them")
    #expect { try snapshot.get([1]) } throws: { ($0 as? StorageError)?.code == .closed }
    #expect { try store.refresh() } throws: { ($0 as? StorageError)?.code == .closed }
  }

  /// What was acknowledged is there, although nobody has opened the store since; and it is durable when it is seen.
  @Test(arguments: [1, 2, 31, 400], FormatVersion.allCases)
  func aDeadProcessesStoreIsReadUpToItsEnd(count: Int, version: FormatVersion) throws {
    let running = SimulatedFileSystem()
    let engine = try Self.write(on: running, version: version)
    for number in 1...count {
      try NumberedCommits.write(number, to: engine, number == count ? .durable : .buffered)
    }
    try engine.write(.buffered) { try NumberedCommits.fill(&$0, count + 1) }
    let disk = withExtendedLifetime(engine) { running.crash(.kill, seed: 1) }
    let store = try Self.look(WriteRefusingFileSystem(disk))
    #expect(try Self.count(store) == count + 1)
    // No crash takes it back.
    for seed in 1...4 as ClosedRange<UInt64> {
      let again = try Self.look(disk.crash(.strict, seed: seed))
      #expect(try Self.count(again) == count + 1)
    }
  }

  /// What a dead process has handed to the system is made durable before it is shown; unless somebody vouches for it.
  @Test(arguments: [true, false]) func whatNobodyVouchesForIsSyncedFirst(isClosed: Bool) throws {
    let running = SimulatedFileSystem()
    let engine = try Self.write(on: running)
    try NumberedCommits.write(1, to: engine)
    if isClosed { try engine.close() }
    let disk = withExtendedLifetime(engine) { running.crash(.kill, seed: 1) }
    let start = disk.operationCount
    let store = try Self.look(disk)
    #expect(try Self.count(store) == 1)
    let log = try #require(try Manifest.load(from: StoreDirectory(path: "/store", fileSystem: disk))).logs[0]
    let name = StoreDirectory.Entry.log(log).name
    let syncs = disk.trace.filter { line in
      (line.split(separator: " ").first.flatMap { Int($0) } ?? 0) > start
        && line.contains("synchronize \"/store/\(name)\"")
    }
    #expect(syncs.count == (isClosed ? 0 : 1))
  }

  /// Of a store that is open somewhere only what is known to be durable is seen, and that is no less than all but the
  /// last group.
  @Test func ofALiveStoreOnlyWhatIsDurableIsSeen() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.write(on: disk)
    for number in 1...200 {
      try NumberedCommits.write(number, to: engine, number % 5 == 0 ? .durable : .buffered)
      let store = try Self.look(WriteRefusingFileSystem(disk))
      #expect(try store.condition().isLive)
      let seen = try Self.count(store)
      #expect(seen >= (number - 1) / 5 * 5 - 5 && seen <= number, "\(seen) of \(number)")
      for seed in 0..<3 as Range<UInt64> {
        let after = try Self.look(disk.crash(.strict, seed: UInt64(number) * 3 + seed))
        #expect(try Self.count(after) >= seen)
      }
    }
    try engine.close()
  }

  @Test func refreshingBringsWhatIsNew() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.write(on: disk)
    let store = try Self.look(WriteRefusingFileSystem(disk))
    var snapshots: [(EngineSnapshot, Int)] = []
    for round in 1...20 {
      for number in (round * 40 - 39)...(round * 40) { try NumberedCommits.write(number, to: engine) }
      let before = try Self.count(store)
      let staleness = try store.staleness()
      #expect(try staleness.isStale && staleness.position == store.condition().position)
      #expect(try store.refresh() == staleness.newestPosition)
      #expect(try store.condition().position == staleness.newestPosition)
      let seen = try Self.count(store)
      #expect(before < seen && seen >= round * 40 - 1)
      snapshots.append((try store.snapshot(), seen))
    }
    // Those of before see what they saw, although its files were removed since.
    for (snapshot, seen) in snapshots { #expect(try NumberedCommits.count(in: snapshot) == seen) }
    let pinned = store.pinnedCount
    snapshots = []
    try engine.close()
    try store.refresh()
    #expect(try Self.count(store) == 800)
    #expect(try !store.staleness().isStale)
    let state = try #require(try Manifest.load(from: StoreDirectory(path: "/store", fileSystem: disk)))
    #expect(store.pinnedCount == state.logs.count + state.levels.joined().count + state.values.files.count)
    #expect(store.pinnedCount < pinned)
    store.close()
    #expect(store.pinnedCount == 0)
  }

  /// The writer commits, flushes, compacts and recycles logs between the reader's operations. (Each commit takes a page
  /// of the log, so that one log is for some sixty of them.)
  @Test(arguments: [1, 2, 3, 7, 20]) func whatTheWriterDoesMeanwhileDoesNotMatter(every: Int) throws {
    let disk = SimulatedFileSystem()
    var options = NumberedCommits.options
    options.memtableBytes = 256 << 10
    let engine = try Self.write(on: disk, options: options)
    for number in 1...200 { try NumberedCommits.write(number, to: engine) }
    let meddling = MeddlingFileSystem(disk)
    var next = 201
    var operations = 0
    meddling.meddle { _ in
      operations += 1
      guard operations % every == 0 else { return }
      try? NumberedCommits.write(next, to: engine)
      next += 1
    }
    let store = try Self.look(meddling)
    var last = try Self.count(store)
    for _ in 0..<6 {
      let acknowledged = next - 1
      try store.refresh()
      let seen = try Self.count(store)
      #expect(seen >= acknowledged - 1 && seen < next && seen >= last, "\(seen), of \(acknowledged)")
      last = seen
      _ = try store.staleness()
    }
    #expect(next > 205)
    meddling.meddle(nil)
    try engine.close()
    #expect(try engine.tree.directory.fileSystem.information(at: "/store/BACKUP") == nil)
  }

  /// At any one of the reader's operations so much is written that the log which it reads is given up, and used again:
  /// what was in it is not taken for a log that ends early. (A log takes some hundred and twenty commits, of which the
  /// reader reads not all at once.)
  @Test func aLogThatIsUsedAgainMeanwhileIsNotTrusted() throws {
    let disk = SimulatedFileSystem()
    var options = NumberedCommits.options
    options.memtableBytes = 512 << 10
    let engine = try Self.write(on: disk, options: options)
    var next = 1
    func write(_ count: Int) {
      for _ in 0..<count {
        try? NumberedCommits.write(next, to: engine)
        next += 1
      }
    }
    let meddling = MeddlingFileSystem(disk)
    var moment = 0
    var isMet = true
    while isMet {
      moment += 1
      isMet = false
      var operations = 0
      try engine.flush(keepingLogFiles: true)
      write(100)
      let acknowledged = next - 1
      meddling.meddle { _ in
        operations += 1
        guard operations == moment else { return }
        isMet = true
        write(300)
      }
      let store = try Self.look(meddling)
      meddling.meddle(nil)
      let seen = try Self.count(store)
      #expect(seen >= acknowledged - 1 && seen < next, "\(seen), of \(acknowledged), at \(moment)")
      store.close()
    }
    #expect(moment > 10)
    try engine.close()
  }

  @Test func aBackupStaysOne() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.write(on: disk)
    for number in 1...100 { try NumberedCommits.write(number, to: engine) }
    try engine.backup(to: "/backup")
    let store = try Self.look(WriteRefusingFileSystem(disk), at: "/backup")
    #expect(try Self.count(store) == 100)
    for number in 101...200 { try NumberedCommits.write(number, to: engine) }
    try engine.backup(to: "/backup")
    #expect(try Self.count(store) == 100)
    try store.refresh()
    #expect(try Self.count(store) == 200)
  }

  /// A backup without a log comes between two with one: the second log is another file than the first.
  @Test func aReaderOfABackupIsNotLedAstrayByANumberThatComesAgain() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.write(on: disk)
    try NumberedCommits.write(1, to: engine)
    try engine.backup(to: "/backup")
    let store = try Self.look(disk, at: "/backup")
    // Each keeps its log open; each log has the number after the one before.
    var snapshots: [EngineSnapshot] = []
    for _ in 0..<8 {
      try engine.backup(to: "/backup")
      try store.refresh()
      snapshots.append(try store.snapshot())
    }
    try engine.flush()
    #expect(try engine.backup(to: "/backup").logBytes == 0)
    for number in 2...3 {
      try NumberedCommits.write(number, to: engine)
      try engine.backup(to: "/backup")
      try store.refresh()
      #expect(try Self.count(store) == number)
    }
    for snapshot in snapshots { #expect(try NumberedCommits.count(in: snapshot) == 1) }
  }

  @Test func whatCannotBeReadIsSaid() throws {
    func code(_ disk: SimulatedFileSystem, at path: String = "/store") -> StorageError.Code? {
      do {
        _ = try Self.look(disk, at: path)
        return nil
      } catch { return (error as? StorageError)?.code }
    }
    let disk = SimulatedFileSystem()
    #expect(code(disk) == .invalidArgument && code(disk, at: "") == .invalidArgument)
    #expect(try disk.list("/").isEmpty)
    try disk.createDirectory("/store")
    #expect(code(disk) == .invalidArgument)
    let engine = try Self.write(on: disk)
    for number in 1...300 { try NumberedCommits.write(number, to: engine) }
    try engine.close()
    let state = engine.tree.manifest.state
    let segment = try #require(state.levels.joined().first)
    for entry in [StoreDirectory.Entry.segment(segment.fileNumber), .log(state.logs[0]), .manifest] {
      let copy = disk.crash(.kill, seed: 1)
      try copy.remove("/store/" + entry.name)
      #expect(code(copy) == .corruption, "\(entry.name)")
      let cut = disk.crash(.kill, seed: 1)
      try cut.openFile("/store/" + entry.name, .readWrite).truncate(to: 5000)
      #expect(code(cut) == .corruption, "\(entry.name)")
    }
    // An error of the system is one, and no damage.
    disk.setFaultPlan(FaultPlan([.init(.open, cause: .tooManyOpenFiles)]))
    #expect(code(disk) == .inputOutput)
    disk.setFaultPlan(FaultPlan([.init(.read)]))
    #expect(code(disk) == .inputOutput)
  }

  @Test func nothingCanBeWritten() async throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.write(on: disk)
    try NumberedCommits.write(1, to: engine)
    try await engine.close()
    let store = try Self.look(disk)
    do {
      _ = try await store.transact(.durable) { try $0.set([1], to: [1]) }
      Issue.record("it was written")
    } catch { #expect((error as? StorageError)?.code == .readOnly) }
  }

  /// Whoever puts another store in its place is found out.
  @Test func anotherStoreInItsPlaceIsRefused() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.write(on: disk)
    for number in 1...50 { try NumberedCommits.write(number, to: engine) }
    try engine.backup(to: "/old")
    for number in 51...100 { try NumberedCommits.write(number, to: engine) }
    try engine.close()
    let store = try Self.look(disk)
    for name in try disk.list("/store") where name != "LOCK" { try disk.remove("/store/" + name) }
    for name in try disk.list("/old") where name != "LOCK" {
      try disk.rename("/old/" + name, to: "/store/" + name)
    }
    #expect { try store.refresh() } throws: { ($0 as? StorageError)?.code == .corruption }
    #expect(try Self.count(store) == 100)
  }
}

/// A disk that is full, and cannot be written to either.
private final class WriteRefusingFileSystem: ForwardingFileSystem {
  let base: any FileSystem
  init(_ base: any FileSystem) { self.base = base }

  private func refuse(_ path: String) -> StorageError {
    Issue.record("\(path) is written")
    return StorageError(.full, "no space", file: path)
  }

  func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    guard mode == .read else { throw refuse(path) }
    return try base.openFile(path, mode)
  }
  func createDirectory(_ path: String) throws(StorageError) { throw refuse(path) }
  func rename(_ source: String, to destination: String) throws(StorageError) { throw refuse(source) }
  func link(_ source: String, to destination: String) throws(StorageError) { throw refuse(source) }
  func remove(_ path: String) throws(StorageError) { throw refuse(path) }
  func lock(_ path: String) throws(StorageError) -> any FileLock { throw refuse(path) }
}
