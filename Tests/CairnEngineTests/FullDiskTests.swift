import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// A full disk costs no data, and what failed takes no space.
@Suite struct FullDiskTests {
  @Test func aFlushThatFindsNoSpaceLeavesNoFile() throws {
    let disk = SimulatedFileSystem()
    var options = EngineOptions()
    options.memtableBytes = 64 << 10
    let engine = try Engine.open(at: "/store", options: options, environment: .simulated(disk, seed: 1))
    disk.setFaultPlan(
      FaultPlan([.init(.write, isSticky: true, cause: .noSpace, pathContaining: ".segment")]))
    var written = 0
    do {
      for number in UInt16(0)..<4000 {
        try engine.write { batch in
          try batch.set([UInt8(number >> 8), UInt8(number & 0xFF)], to: [UInt8](repeating: 1, count: 1000))
        }
        written += 1
      }
      Issue.record("the disk was not full")
    } catch let error as StorageError {
      #expect(error.code == .full)
    }
    #expect(try disk.list("/store").filter { $0.hasSuffix(".segment") } == [])
    disk.setFaultPlan(FaultPlan())
    // The first to come after a failure is told of it, and has the flush tried again.
    #expect(throws: StorageError.self) { try engine.write { try $0.set([9, 9, 9], to: []) } }
    try engine.write { try $0.set([9, 9, 9], to: []) }
    #expect(try engine.read { try $0.entries(in: .all).count } == written + 1)
    try engine.close()
  }

  @Test func aManifestThatCannotBeReplacedGoesOnGrowing() throws {
    let disk = SimulatedFileSystem()
    try disk.createDirectory("/store")
    let directory = StoreDirectory(path: "/store", fileSystem: disk)
    let environment = Environment.simulated(disk, seed: 1)
    let manifest = try Manifest(
      replacingWith: VersionState(storeIdentity: [UInt8](repeating: 7, count: VersionEdit.identityBytes)),
      directory: directory, random: environment.random, leastRolloverBytes: 1 << 20)
    disk.setFaultPlan(
      FaultPlan([.init(.create, isSticky: true, cause: .noSpace, pathContaining: "MANIFEST.new")]))
    for number in UInt64(1)...600 { try manifest.apply(edit(addingLog: number)) }
    #expect(directory.latch.refusal == nil)
    #expect(try Manifest.load(from: directory) == manifest.state)
    disk.setFaultPlan(FaultPlan())
    try manifest.apply(edit(addingLog: 601))
    #expect(try #require(try disk.information(at: "/store/MANIFEST")).size <= 8192)
    #expect(try Manifest.load(from: directory) == manifest.state)
  }

  @Test(arguments: [FaultPlan.Operation.rename, .synchronizeDirectory])
  func aManifestThatMayHaveBeenReplacedIsWrittenToNoMore(operation: FaultPlan.Operation) throws {
    let disk = SimulatedFileSystem()
    try disk.createDirectory("/store")
    let directory = StoreDirectory(path: "/store", fileSystem: disk)
    let environment = Environment.simulated(disk, seed: 1)
    let manifest = try Manifest(
      replacingWith: VersionState(storeIdentity: [UInt8](repeating: 7, count: VersionEdit.identityBytes)),
      directory: directory, random: environment.random, leastRolloverBytes: 1 << 20)
    disk.setFaultPlan(FaultPlan([.init(operation, isSticky: true, cause: .noSpace)]))
    var failures = 0
    for number in UInt64(1)...600 {
      do { try manifest.apply(edit(addingLog: number)) } catch { failures += 1 }
    }
    #expect(failures > 300)
    #expect(directory.latch.refusal != nil)
    #expect(try Manifest.load(from: directory) == manifest.state)
  }

  private func edit(addingLog number: UInt64) -> VersionEdit {
    var edit = VersionEdit()
    edit.addedLogs = [number]
    return edit
  }
}
