// A store keeps its format version until it is raised; and what version 2 is for: the end of a closed store's log.

import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct FormatVersionTests {
  private static func open(
    _ disk: SimulatedFileSystem, _ version: FormatVersion = .newest, seed: UInt64 = 1
  ) throws -> Engine {
    var options = EngineOptions()
    options.formatVersion = version
    return try Engine.open(at: "/store", options: options, environment: .simulated(disk, seed: seed))
  }

  private static func headerVersion(_ disk: SimulatedFileSystem) throws -> UInt32 {
    let image = try StoreImage(of: disk)
    let bytes = try #require(image.files["MANIFEST"])
    return bytes.withUnsafeBytes {
      UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
    }
  }

  @Test(arguments: FormatVersion.allCases) func aStoreKeepsTheVersionItWasMadeWith(version: FormatVersion)
    throws
  {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk, version)
    try engine.write { try $0.set([1], to: [2]) }
    try engine.close()
    #expect(try Self.headerVersion(disk) == version.rawValue)
    // Whatever the options of a later opening are.
    let again = try Self.open(disk, .newest)
    #expect(again.formatVersion == version)
    try again.close()
    #expect(try Self.headerVersion(disk) == version.rawValue)
  }

  @Test func theRatchetTurnsOneWay() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk, .one)
    try engine.write { try $0.set([1], to: [2]) }
    try engine.ratchetFormat(to: .one)
    #expect(engine.formatVersion == .one)
    try engine.ratchetFormat(to: .two)
    #expect(engine.formatVersion == .two)
    // Durable when it returns, and commits go on.
    try engine.write { try $0.set([3], to: [4]) }
    let after = try Self.open(disk.crash(.strict, seed: 3), .one)
    #expect(after.formatVersion == .two)
    #expect(try after.read { try $0.get([3]) } == [4])
    #expect { try engine.ratchetFormat(to: .one) } throws: { ($0 as? StorageError)?.code == .invalidArgument }
    try engine.close()
    #expect { try engine.ratchetFormat(to: .two) } throws: { ($0 as? StorageError)?.code == .closed }
  }

  /// The power goes at each operation of it: the store is of the old version or of the new one, and whole.
  @Test(arguments: [CrashModel.strict, .ordered]) func theRatchetIsAtomic(model: CrashModel) throws {
    var operations: ClosedRange<Int> = 0...0
    try run(SimulatedFileSystem()) { operations = $0 }
    #expect(operations.count > 5)
    var seen: Set<FormatVersion> = []
    for cut in operations {
      for seed in 1...4 as ClosedRange<UInt64> {
        let disk = SimulatedFileSystem(faultPlan: .powerCut(atOperation: cut, seed: seed))
        try? run(disk) { _ in }
        let engine = try Self.open(disk.crash(model, seed: seed))
        seen.insert(engine.formatVersion)
        #expect(try engine.read { try $0.get([1]) } == [2], "operation \(cut), seed \(seed)")
        try engine.close()
      }
    }
    #expect(seen == [.one, .two])
  }

  private func run(_ disk: SimulatedFileSystem, _ report: (ClosedRange<Int>) -> Void) throws {
    let engine = try Self.open(disk, .one)
    try engine.write { try $0.set([1], to: [2]) }
    let first = disk.operationCount + 1
    try engine.ratchetFormat(to: .two)
    report(first...disk.operationCount)
  }

  @Test func aFullDiskKeepsTheVersion() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk, .one)
    disk.setFaultPlan(FaultPlan([.init(.create, cause: .noSpace, pathContaining: "MANIFEST")]))
    #expect { try engine.ratchetFormat(to: .two) } throws: { ($0 as? StorageError)?.code == .full }
    #expect(engine.formatVersion == .one)
    try engine.write { try $0.set([1], to: [2]) }
    try engine.ratchetFormat(to: .two)
    #expect(engine.formatVersion == .two)
  }

  @Test func versionsThatAreNotKnownAreRefusedByName() throws {
    let disk = SimulatedFileSystem()
    try Self.open(disk).close()
    var image = try StoreImage(of: disk)
    for (file, version) in [("MANIFEST", 3 as UInt32), ("00000001.log", 2)] {
      var page = try #require(image.files[file])
      withUnsafeBytes(of: version.littleEndian) { page.replaceSubrange(8..<12, with: $0) }
      let checksum = page.withUnsafeBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[..<4092])) }
      withUnsafeBytes(of: checksum.littleEndian) { page.replaceSubrange(4092..<4096, with: $0) }
      let former = image.files.updateValue(page, forKey: file)
      #expect {
        try Engine.open(at: "/store", environment: .simulated(image.disk(), seed: 1))
      } throws: {
        let error = $0 as? StorageError
        return error?.code == .unsupportedFormat && error?.message.contains("version \(version)") == true
          && error?.file?.hasSuffix(file) == true
      }
      image.files[file] = former
    }
  }

  private func takes(_ edit: VersionEdit, _ state: inout VersionState) -> Bool { state.apply(edit) }

  @Test func anEndInAStoreOfVersionOneIsDamage() {
    var state = VersionState(storeIdentity: [UInt8](repeating: 1, count: 16), formatVersion: .one)
    state.add(log: 4)
    var edit = VersionEdit()
    edit.logEnd = .init(number: 4, offset: 4096, checksum: 7)
    #expect(!takes(edit, &state))
    state.formatVersion = .two
    #expect(takes(edit, &state))
    #expect(state.logEnd == edit.logEnd)
    // Of a log that is not the newest, or within the header page.
    for end in [
      FrameFileHeader.End(number: 3, offset: 4096, checksum: 7), .init(number: 4, offset: 64, checksum: 7),
    ] {
      var edit = VersionEdit()
      edit.logEnd = end
      #expect(!takes(edit, &state))
    }
    // The next log has it by its header.
    var next = VersionEdit()
    next.addedLogs = [5]
    #expect(takes(next, &state))
    #expect(state.logEnd == nil)
  }

  /// Every length that the log of a closed store can be cut off to, down to nothing.
  @Test func aLogThatWasCutOffSinceClosingIsDamage() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    for index in 0..<4 as Range<UInt8> { try engine.write { try $0.set([index], to: [index]) } }
    try engine.close()
    let image = try StoreImage(of: disk)
    let state = try #require(
      try Manifest.load(from: StoreDirectory(path: "/store", fileSystem: disk)))
    let end = try #require(state.logEnd)
    let name = StoreDirectory.Entry.log(end.number).name
    let bytes = try #require(image.files[name])
    for length in stride(from: 0, to: Int(end.offset), by: 64) {
      for fill in [0, bytes.count - length] {
        var cut = image
        cut.files[name] = Array(bytes[..<length]) + [UInt8](repeating: 0, count: fill)
        #expect("cut at \(length), \(fill) zeros") {
          try Engine.open(at: "/store", environment: .simulated(cut.disk(), seed: 1))
        } throws: {
          let error = $0 as? StorageError
          return error?.code == .corruption && error?.file?.hasSuffix(name) == true
        }
      }
    }
  }

  /// Without room for the edit the store is closed all the same, and nothing is lost.
  @Test func aFullDiskIsNoReasonNotToClose() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    try engine.write { try $0.set([1], to: [2]) }
    disk.setFaultPlan(
      FaultPlan([.init(.preallocate, isSticky: true, cause: .noSpace, pathContaining: "MANIFEST")]))
    try engine.close()
    disk.setFaultPlan(FaultPlan())
    let again = try Self.open(disk)
    #expect(try again.read { try $0.get([1]) } == [2])
    try again.close()
  }
}
