// What a backup holds, what it shares with the store, and where none is taken.

import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite struct BackupTests {
  private static let target = "/backup"

  private static func open(
    _ fileSystem: any FileSystem, at path: String = "/store", seed: UInt64 = 1, creating: Bool = true,
    version: FormatVersion = .newest
  ) throws -> Engine {
    var options = NumberedCommits.options
    options.createIfMissing = creating
    options.formatVersion = version
    return try Engine.open(at: path, options: options, environment: environment(fileSystem, seed: seed))
  }

  private static func environment(_ fileSystem: any FileSystem, seed: UInt64 = 1) -> Environment {
    var environment = Environment.simulated(SimulatedFileSystem(), seed: seed)
    environment.fileSystem = fileSystem
    return environment
  }

  private static func files(_ disk: SimulatedFileSystem, at path: String) throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for name in try disk.list(path) {
      let file = try disk.openFile(path + "/" + name, .read)
      let window = ReadWindow()
      let size = try file.size()
      files[name] = try window.read(file, at: 0, count: Int(size), fileSize: size).map { [UInt8]($0) }
      withExtendedLifetime(window) {}
    }
    return files
  }

  private static func expectBackup(
    _ fileSystem: any FileSystem, of count: Int, at path: String = target, _ comment: Comment = ""
  ) throws {
    let report = try Engine.verify(at: path, environment: environment(fileSystem))
    #expect(report.isSound, "\(comment): \(report.violations)")
    let engine = try open(fileSystem, at: path, seed: 99, creating: false)
    #expect(try engine.read { try NumberedCommits.count(in: $0) } == count, comment)
    try engine.close()
  }

  @Test(arguments: [0, 1, 5, 60, 700], FormatVersion.allCases)
  func itHoldsWhatTheStoreHeld(count: Int, version: FormatVersion) throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk, version: version)
    for number in 0..<count {
      try NumberedCommits.write(number + 1, to: engine, number % 3 == 0 ? .durable : .buffered)
    }
    let report = try engine.backup(to: Self.target)
    #expect(try report.position == engine.snapshot().position)
    #expect(report.copied.count == 0 && report.reused.count == 0)
    let state = engine.tree.manifest.state
    #expect(report.linked.count == state.levels.joined().count + state.values.files.count)
    if count == 700 { #expect(report.linked.count > 4 && report.logBytes > 0 && !state.values.files.isEmpty) }
    // The store goes on, and what it does then is not in the backup.
    for number in count..<(count + 300) { try NumberedCommits.write(number + 1, to: engine) }
    #expect(try engine.read { try NumberedCommits.count(in: $0) } == count + 300)
    #expect(try engine.verify().isSound)
    // It is as durable as it can be.
    try Self.expectBackup(disk.crash(.strict, seed: 4), of: count)
    let restored = try Self.open(disk, at: Self.target)
    #expect(restored.formatVersion == version)
  }

  @Test func ingestsAreInIt() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for number in 1...30 { try NumberedCommits.write(number, to: engine) }
    try engine.ingest(into: .prefix([0x01])) { output in
      for index in 0..<50 as Range<UInt8> { try output.append(key: [0x01, index], value: [index]) }
    }
    try engine.write { try $0.set([0x02], to: [1]) }
    let expected = try engine.read { try $0.entries(in: .all) }
    try engine.backup(to: Self.target)
    #expect(try Engine.verify(at: Self.target, environment: Self.environment(disk)).isSound)
    let restored = try Self.open(disk, at: Self.target)
    #expect(try restored.read { try $0.entries(in: .all) } == expected)
    #expect(try restored.snapshot().position == engine.snapshot().position)
  }

  /// After a power cut the store is not behind its backup: the next one would be refused.
  @Test(arguments: 1...12 as ClosedRange<UInt64>) func whatItHoldsIsDurableInTheStoreToo(seed: UInt64) throws
  {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for number in 1...10 { try NumberedCommits.write(number, to: engine, .buffered) }
    try engine.backup(to: Self.target)
    let after = disk.crash(.strict, seed: seed)
    let again = try Self.open(after, seed: 3)
    #expect(try again.read { try NumberedCommits.count(in: $0) } == 10)
    try again.backup(to: Self.target)
  }

  /// Neither may change what the other has.
  @Test func noFileIsSharedThatIsWrittenAgain() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for number in 1...300 { try NumberedCommits.write(number, to: engine) }
    try engine.backup(to: Self.target)
    let before = try Self.files(disk, at: Self.target)
    for number in 301...900 { try NumberedCommits.write(number, to: engine) }
    #expect(try Self.files(disk, at: Self.target) == before)
    let restored = try Self.open(disk, at: Self.target, seed: 5)
    for number in 301...900 { try NumberedCommits.write(number, to: restored) }
    #expect(try engine.verify().isSound)
    #expect(try restored.verify().isSound)
    #expect(try engine.read { try NumberedCommits.count(in: $0) } == 900)
    #expect(try restored.read { try NumberedCommits.count(in: $0) } == 900)
  }

  @Test func intoTheSameDirectoryAgainItBringsWhatIsNew() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    var brought = 0
    for round in 1...12 {
      for number in (round * 60 - 59)...(round * 60) { try NumberedCommits.write(number, to: engine) }
      let report = try engine.backup(to: Self.target)
      let state = engine.tree.manifest.state
      let files = state.levels.joined().count + state.values.files.count
      #expect(report.linked.count + report.reused.count == files && report.copied.count == 0)
      brought += report.linked.count
      if round > 1 { #expect(report.removedCount > 0) }
      let listed = files + state.logs.prefix(report.logBytes > 0 ? 1 : 0).count
      // LOCK, MANIFEST, BACKUP, and what is listed.
      #expect(try disk.list(Self.target).count == 3 + listed)
      try Self.expectBackup(disk.crash(.strict, seed: UInt64(round)), of: round * 60, "round \(round)")
    }
    // Again without a change: nothing is new.
    let report = try engine.backup(to: Self.target)
    #expect(report.linked.count == 0 && report.reused.count > 0)
    #expect(brought > report.reused.count)
  }

  /// A file that an interrupted backup has left may be whole in length and not in content.
  @Test func whatNoBackupListsIsBroughtAnew() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for number in 1...300 { try NumberedCommits.write(number, to: engine) }
    try disk.createDirectory(Self.target)
    try disk.openFile(Self.target + "/BACKUP", .create).close()
    let segment = try #require(engine.tree.manifest.state.levels.joined().first)
    let name = StoreDirectory.Entry.segment(segment.fileNumber).name
    // All zeros but for the footer.
    var bytes = try #require(try Self.files(disk, at: "/store")[name])
    for index in 0..<(bytes.count - SegmentFormat.footerBytes) { bytes[index] = 0 }
    let file = try disk.openFile(Self.target + "/" + name, .create)
    try file.writeBytes(bytes, at: 0)
    try engine.backup(to: Self.target)
    try Self.expectBackup(disk, of: 300)
  }

  @Test(arguments: [EXDEV, EPERM, EMLINK, EOPNOTSUPP]) func withoutLinksItIsCopied(number: Int32) throws {
    let disk = SimulatedFileSystem()
    let linkless = LinklessFileSystem(disk, errorNumber: number)
    let engine = try Self.open(linkless)
    for index in 1...300 { try NumberedCommits.write(index, to: engine) }
    let report = try engine.backup(to: Self.target)
    let files = report.copied.count
    #expect(report.linked.count == 0 && files > 2)
    // One file may have too many names, and the next may not; another file system is another one for all.
    #expect(linkless.attempts.load(ordering: .relaxed) == (number == EMLINK ? files : 1))
    try Self.expectBackup(disk.crash(.strict, seed: 1), of: 300)
    #expect { try Self.open(LinklessFileSystem(disk, errorNumber: EIO)).backup(to: "/other") } throws: {
      ($0 as? StorageError)?.code == .locked
    }
  }

  @Test func whoWantsCopiesGetsCopies() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for index in 1...300 { try NumberedCommits.write(index, to: engine) }
    var options = BackupOptions()
    options.copiesEverything = true
    let report = try engine.backup(to: Self.target, options: options)
    #expect(report.linked.count == 0 && report.copied.count > 2)
    try Self.expectBackup(disk, of: 300)
  }

  /// The end of a backup's log is told by its manifest: none of it can go unnoticed.
  @Test func aBackupWhoseLogIsCutOffIsDamaged() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for index in 1...3 { try NumberedCommits.write(index, to: engine) }
    try engine.backup(to: Self.target)
    let directory = StoreDirectory(path: Self.target, fileSystem: disk)
    let state = try #require(try Manifest.load(from: directory))
    let end = try #require(state.logEnd)
    let log = try #require(state.logs.last)
    for length in stride(from: 0, to: end.offset, by: 64) {
      let copy = disk.crash(.kill, seed: 1)
      try copy.openFile(directory.path(of: .log(log)), .readWrite).truncate(to: length)
      #expect { try Self.open(copy, at: Self.target) } throws: { ($0 as? StorageError)?.code == .corruption }
    }
  }

  // MARK: Where none is taken

  private func expectRefusal(
    _ code: StorageError.Code, _ words: String, _ path: String, _ engine: Engine,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(sourceLocation: sourceLocation) {
      try engine.backup(to: path)
    } throws: {
      guard let error = $0 as? StorageError else { return false }
      if error.code != code || !error.message.contains(words) { print(error) }
      return error.code == code && error.message.contains(words)
    }
    // And it goes on.
    try engine.write { try $0.remove([9]) }
  }

  @Test func directoriesThatAreSomethingElseAreLeftAlone() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    try NumberedCommits.write(1, to: engine)
    for path in ["", "/store", "/store/", "/store/backup", "/", "/st\0re"] {
      try expectRefusal(.invalidArgument, "directory of its own", path, engine)
    }
    try disk.openFile("/file", .create).close()
    try expectRefusal(.invalidArgument, "no directory", "/file", engine)
    try expectRefusal(.inputOutput, "", "/none/backup", engine)
    try disk.createDirectory("/mine")
    try disk.openFile("/mine/letter", .create).close()
    try expectRefusal(.invalidArgument, "neither empty nor a backup", "/mine", engine)
    #expect(try disk.list("/mine") == ["letter"])
    let other = try Self.open(disk, at: "/other", seed: 7)
    try expectRefusal(.invalidArgument, "no backup", "/other", engine)
    try other.backup(to: "/others")
    try expectRefusal(.invalidArgument, "another store", "/others", engine)
    try engine.backup(to: "/used")
    let held = try disk.lock("/used/LOCK")
    try expectRefusal(.locked, "", "/used", engine)
    held.release()
    try engine.backup(to: "/used")
  }

  /// A backup that is opened for writing is a store, and another one.
  @Test func whatWasOpenedForWritingIsNoBackupAnyMore() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for index in 1...100 { try NumberedCommits.write(index, to: engine) }
    try engine.backup(to: Self.target)
    let identity = engine.tree.manifest.state.storeIdentity
    let restored = try Self.open(disk, at: Self.target, seed: 8)
    #expect(restored.tree.manifest.state.storeIdentity != identity)
    try NumberedCommits.write(101, to: restored)
    try restored.close()
    #expect(try !disk.list(Self.target).contains("BACKUP"))
    try expectRefusal(.invalidArgument, "no backup", Self.target, engine)
    // What it has written since does not replace what the store has.
    try engine.backup(to: "/second")
    let again = try Self.open(disk, at: Self.target, seed: 9)
    #expect(again.tree.manifest.state.storeIdentity != identity)
    try expectRefusal(.invalidArgument, "another store", "/second", again)
    #expect(try again.read { try NumberedCommits.count(in: $0) } == 101)
  }

  /// Whoever puts an old copy of a store in its place loses nothing that a backup has.
  @Test func anOlderCopyDoesNotReplaceABackup() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for index in 1...10 { try NumberedCommits.write(index, to: engine) }
    let older = disk.crash(.kill, seed: 1)
    for index in 11...20 { try NumberedCommits.write(index, to: engine) }
    try engine.backup(to: Self.target)
    try engine.close()
    let copy = try Self.open(older)
    try older.createDirectory(Self.target)
    for (name, bytes) in try Self.files(disk, at: Self.target) {
      try older.openFile(Self.target + "/" + name, .create).writeBytes(bytes, at: 0)
    }
    try expectRefusal(.invalidArgument, "older copy", Self.target, copy)
  }

  @Test func anUnfinishedBackupIsNoStore() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for index in 1...200 { try NumberedCommits.write(index, to: engine) }
    disk.setFaultPlan(FaultPlan([.init(.rename, pathContaining: "/backup/MANIFEST")]))
    #expect { try engine.backup(to: Self.target) } throws: { ($0 as? StorageError)?.code == .inputOutput }
    disk.setFaultPlan(FaultPlan())
    for creating in [true, false] {
      #expect { try Self.open(disk, at: Self.target, creating: creating) } throws: {
        let error = $0 as? StorageError
        return error?.code == .corruption || error?.message.contains("never finished") == true
      }
    }
    #expect { try Engine.verify(at: Self.target, environment: Self.environment(disk)) } throws: {
      ($0 as? StorageError)?.message.contains("never finished") == true
    }
    // The store never noticed, and the next one continues it.
    try NumberedCommits.write(201, to: engine)
    try engine.backup(to: Self.target)
    try Self.expectBackup(disk, of: 201)
  }

  @Test func aStoreThatIsClosedOrHasFailedIsNotBackedUp() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    try NumberedCommits.write(1, to: engine)
    disk.setFaultPlan(FaultPlan([.init(.synchronize, pathContaining: "/store/")]))
    #expect { try NumberedCommits.write(2, to: engine) } throws: {
      ($0 as? StorageError)?.code == .outcomeUnknown
    }
    #expect { try engine.backup(to: Self.target) } throws: { ($0 as? StorageError)?.code == .storageFailed }
    try? engine.close()
    #expect { try engine.backup(to: Self.target) } throws: { ($0 as? StorageError)?.code == .closed }
    #expect(try disk.information(at: Self.target) == nil)
  }

  // MARK: Meanwhile

  /// Before each operation of a backup the store commits, flushes, compacts, recycles logs.
  @Test func whatHappensMeanwhileDoesNotMatter() throws {
    let disk = SimulatedFileSystem()
    let meddling = MeddlingFileSystem(disk)
    let engine = try Self.open(meddling)
    var next = 1
    for _ in 0..<120 {
      try NumberedCommits.write(next, to: engine)
      next += 1
    }
    for round in 0..<6 {
      let started = next
      meddling.meddle { path in
        guard path.hasPrefix(Self.target) || path.hasSuffix(".log") else { return }
        for _ in 0..<3 {
          try? NumberedCommits.write(next, to: engine)
          next += 1
        }
      }
      let logs = engine.tree.manifest.state.logs
      try engine.backup(to: Self.target)
      meddling.meddle(nil)
      #expect(next > started + 100)
      #expect(engine.tree.manifest.state.logs != logs, "the logs were not recycled meanwhile")
      // Between two groups the cut is made, before anything of the backup is done.
      try Self.expectBackup(disk.crash(.strict, seed: UInt64(round)), of: started - 1, "round \(round)")
      #expect(engine.tree.logFiles.listed.count <= 4)
    }
    #expect(try engine.verify().isSound)
    try engine.close()
    #expect(try UnlistedFiles.entries(on: disk, at: "/store").isEmpty)
  }
}
