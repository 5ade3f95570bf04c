import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct RecoveryTests {
  private func open(_ disk: SimulatedFileSystem) throws -> Engine {
    try Engine.open(at: "/store", environment: .simulated(disk, seed: 9))
  }

  /// A disk on which a process has died, with commits in the system's cache alone.
  /// - Parameter bytes: of one of them: a log that holds little is copied whole by the next opening, from memory.
  private func afterAKilledProcess(_ bytes: Int = 1) throws -> SimulatedFileSystem {
    let disk = SimulatedFileSystem()
    let engine = try open(disk)
    try engine.write { try $0.set([1], to: [1]) }
    try engine.write(.buffered) { try $0.set([2], to: [2]) }
    try engine.write(.buffered) { try $0.set([3], to: [UInt8](repeating: 3, count: bytes)) }
    // From here on the engine can do nothing any more, and what is in the cache stays there.
    disk.setFaultPlan(FaultPlan(powerCutAtOperation: 1))
    _ = try? disk.information(at: "/")
    #expect(throws: StorageError.self) { try engine.close() }
    disk.setFaultPlan(FaultPlan())
    return disk
  }

  /// Small commits that ask for no sync share pages; what comes after a sync begins another.
  @Test func bufferedCommitsShareAPage() throws {
    let disk = SimulatedFileSystem()
    let engine = try Engine.open(at: "/store", environment: .simulated(disk, seed: 1))
    let value = [UInt8](repeating: 1, count: 100)
    let before = engine.statistics().logBytes
    for index in 0..<32 as Range<UInt8> { try engine.write(.buffered) { try $0.set([index], to: value) } }
    #expect(engine.statistics().logBytes - before <= 2 * UInt64(FrameFile.pageBytes))
    try engine.write { try $0.set([32], to: value) }
    try engine.write(.buffered) { try $0.set([33], to: value) }
    #expect(engine.statistics().logBytes - before <= 4 * UInt64(FrameFile.pageBytes))
    for seed in 0..<20 as Range<UInt64> {
      let killed = try Engine.open(
        at: "/store", environment: .simulated(disk.crash(.kill, seed: seed), seed: 2))
      #expect(try killed.all().map(\.key) == (0..<34 as Range<UInt8>).map { [$0] })
      // What comes after the sync may be lost.
      let cut = try Engine.open(
        at: "/store", environment: .simulated(disk.crash(.strict, seed: seed), seed: 2))
      let left = try cut.all().map(\.key)
      #expect(left.starts(with: (0..<33 as Range<UInt8>).map { [$0] }) && left.count <= 34)
      try killed.close()
      try cut.close()
    }
    try engine.close()
  }

  @Test(arguments: [1, 200_000]) func bufferedCommitsSurviveTheProcess(bytes: Int) throws {
    let disk = try afterAKilledProcess(bytes)
    #expect(disk.unsynchronizedChangeCount > 0)
    let engine = try open(disk)
    #expect(try engine.all().count == 3)
    // And from now on the power as well: whoever opened the store has relied on them.
    let after = try open(disk.crash(.strict, seed: 1))
    #expect(try after.all().count == 3)
    try engine.close()
  }

  /// The power goes while the next opening saves what was in the cache. Whatever it had come to: the opening
  /// after that finds the durable commit, and calls nothing damage.
  @Test(arguments: [CrashModel.strict, .ordered], [1, 200_000])
  func aPowerCutDuringTheNextOpeningIsNoDamage(model: CrashModel, bytes: Int) throws {
    var count = 0
    while true {
      count += 1
      let disk = try afterAKilledProcess(bytes)
      disk.setFaultPlan(FaultPlan(powerCutAtOperation: count, seed: UInt64(count)))
      let isOpened = (try? open(disk)) != nil
      let after = disk.crash(model, seed: UInt64(count))
      do {
        let engine = try open(after)
        #expect(try engine.get([1]) == [1])
        let found = try engine.all().map(\.key)
        #expect(found == Array([[1], [2], [3]].prefix(found.count)))
      } catch {
        Issue.record("the power cut at operation \(count) left: \(error)")
      }
      if isOpened { break }
    }
    #expect(count > 20)
  }

  /// A manifest from before the newest log was made, put back beside it: what that log holds would be lost
  /// without a word.
  @Test func aManifestOlderThanTheLogIsDamage() throws {
    let disk = SimulatedFileSystem()
    let engine = try open(disk)
    try engine.write { try $0.set([1], to: [1]) }
    try engine.close()
    let size = try #require(try disk.information(at: "/store/MANIFEST")).size
    let manifest = try disk.openFile("/store/MANIFEST", .read).readBytes(Int(size), at: 0)
    for isEmpty in [true, false] {
      let again = try open(disk)
      if !isEmpty { try again.write { try $0.set([2], to: [2]) } }
      try again.close()
      let copy = disk.crash(.kill, seed: 1)
      let file = try copy.openFile("/store/MANIFEST", .readWrite)
      try file.truncate(to: 0)
      try file.writeBytes(manifest, at: 0)
      // The log that the old manifest names may be gone; where it is not, the newer one convicts.
      let found = code { _ = try self.open(copy) }
      #expect(found == .corruption || isEmpty, "\(isEmpty)")
    }
  }

  /// A store that holds little copies all of it into a new log when it is opened. With the manifest gone, that log is
  /// all that tells of it: to begin a new store there would lose it without a word.
  @Test func aLostManifestBesideCarriedCommitsIsDamage() throws {
    let disk = SimulatedFileSystem()
    let engine = try open(disk)
    try engine.write { try $0.set([1], to: [1]) }
    try engine.close()
    let again = try open(disk)
    let copy = disk.crash(.kill, seed: 1)
    try again.close()
    try copy.remove("/store/MANIFEST")
    #expect(code { _ = try self.open(copy) } == .corruption)
  }

  @Test(arguments: [EntryTrailer.firstOwnSequence, EntryTrailer.firstOwnSequence - 1, .max])
  func aLogThatClaimsAbsurdNumbersIsDamage(sequence: UInt64) throws {
    // Not closed: of what stands behind the end that closing notes nothing is read.
    let running = SimulatedFileSystem()
    let engine = try open(running)
    let disk = withExtendedLifetime(engine) { running.crash(.kill, seed: 1) }
    let directory = StoreDirectory(path: "/store", fileSystem: disk)
    let state = try #require(try Manifest.load(from: directory))
    let number = try #require(state.logs.last)
    let file = try directory.open(.log(number), .readWrite)
    let reader = try FrameReader(file, purpose: .log)
    while try reader.next() != nil {}
    // A batch of two removals, whole in every way.
    var batch = WriteBatch(byteLimit: 1000)
    try batch.remove([1])
    try batch.remove([2])
    let buffer = FrameBuffer()
    BatchGroup.append(batch, to: buffer)
    let frame = FrameHeader(
      salt: reader.header.salt, offset: reader.position.offset, payloadBytes: UInt64(buffer.payload.count),
      firstSequence: sequence, durableThrough: 4096, previousChecksum: reader.position.checksum,
      payloadChecksum: CRC32C.checksum(buffer.payload), batchCount: 1, kind: .group)
    try file.writeBytes(frame.encoded() + [UInt8](buffer.payload), at: frame.offset)
    #expect(code { _ = try self.open(disk) } == .corruption)
  }

  /// Logs that are whole in every other way: every number follows the one before it, up to what the manifest says was
  /// used, which is 33.
  @Test(
    arguments: [
      (33, 1, nil), (34, 1, "does not continue the sequence numbers"),
      (33, 0, "ends before sequence number 33"),
    ] as [(UInt64, Int, String?)])
  func sequenceNumbersAreAllThere(next: UInt64, count: Int, complaint: String?) throws {
    var batch = WriteBatch(byteLimit: 1000)
    try batch.set([0x67], to: [1])
    let batches = Array(repeating: batch, count: count)
    let first = try HandmadeStore.log(8, predecessor: nil, firstSequence: 32, [batch])
    let second = try HandmadeStore.log(9, predecessor: first.end, firstSequence: next, batches)
    var store = try HandmadeStore()
    store.set("00000008.log", first.bytes)
    store.set("00000009.log", second.bytes)
    let disk = try HandmadeStore.disk(store.allFiles())
    guard let complaint else { return try open(disk).close() }
    let error = #expect(throws: StorageError.self) { try open(disk) }
    #expect(error?.message.contains(complaint) == true, "\(String(describing: error))")
  }

  /// A file of another length than listed is told of at once, not when somebody reads in it.
  @Test(arguments: ["00000001.values", "00000003.segment"], [-1, 1])
  func everyFileHasTheLengthThatIsListed(name: String, difference: Int) throws {
    let store = try HandmadeStore()
    var files = try store.allFiles()
    let bytes = try #require(files[name])
    files[name] = difference > 0 ? bytes + [0] : Array(bytes.dropLast())
    let disk = try HandmadeStore.disk(files)
    let error = #expect(throws: StorageError.self) { try open(disk) }
    #expect(error?.code == .corruption && error?.file == "/store/" + name)
    #expect(error?.message.contains("instead of \(bytes.count)") == true, "\(String(describing: error))")
  }
}
