import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct ManifestTests {
  private let disk = SimulatedFileSystem()
  private let directory: StoreDirectory

  init() { directory = StoreDirectory(path: "/", fileSystem: disk) }

  private func create() throws -> Manifest {
    try Manifest(
      replacingWith: VersionState(storeIdentity: [UInt8](repeating: 7, count: 16)), directory: directory,
      random: SeededRandomSource(seed: 1), leastRolloverBytes: 1 << 20)
  }

  /// Edits that take a good part of a manifest, so that few of them roll it over.
  private func edit(_ number: UInt64) -> VersionEdit {
    var edit = VersionEdit()
    edit.addedSegments = [
      .init(
        level: 0,
        properties: .init(number, [UInt8](repeating: 1, count: 60_000), .unbounded, sequence: number))
    ]
    edit.removedSegments = number > 2 ? [number - 2] : []
    edit.lastSequence = number
    edit.nextFileNumber = number + 1
    return edit
  }

  private func generation() throws -> UInt64 {
    try FrameReader(try directory.open(.manifest, .read), purpose: .manifest).header.number
  }

  @Test func whatIsAppliedIsLoadedAlsoAcrossRollovers() throws {
    #expect(try Manifest.load(from: directory) == nil)
    let manifest = try create()
    #expect(try Manifest.load(from: directory) == manifest.state)
    for number in 1...60 as ClosedRange<UInt64> {
      try manifest.apply(edit(number))
      #expect(disk.unsynchronizedChangeCount == 0)
      if number % 5 == 0 { #expect(try Manifest.load(from: directory) == manifest.state) }
    }
    #expect(try Manifest.load(from: directory) == manifest.state)
    #expect(try generation() >= 3)
    #expect(try directory.fileSystem.information(at: directory.path(of: .manifest))?.size ?? 0 < 3 << 20)
    #expect(try directory.entries() == [.manifest])
  }

  @Test func anEditThatContradictsChangesNothing() throws {
    let manifest = try create()
    try manifest.apply(edit(1))
    let state = manifest.state
    #expect(throws: StorageError.self) { try manifest.apply(edit(1)) }
    #expect(manifest.state == state)
    #expect(directory.latch.refusal == nil)
    try manifest.apply(edit(2))
    #expect(try Manifest.load(from: directory) == manifest.state)
  }

  /// A rollover that fails at any operation: what is applied later is either refused or found again. Most of
  /// all it must not go on in the file that has just lost its name.
  @Test(
    arguments: [
      FaultPlan.Operation.create, .write, .synchronize, .rename, .synchronizeDirectory, .information,
    ],
    [FaultPlan.Cause.noSpace, .inputOutput])
  func aFailedRolloverLosesNoEdit(operation: FaultPlan.Operation, cause: FaultPlan.Cause) throws {
    for occurrence in 1...2 {
      let disk = SimulatedFileSystem()
      let directory = StoreDirectory(path: "/", fileSystem: disk)
      let manifest = try Manifest(
        replacingWith: VersionState(storeIdentity: [UInt8](repeating: 7, count: 16)), directory: directory,
        random: SeededRandomSource(seed: 1), leastRolloverBytes: 1 << 20)
      var next: UInt64 = 1
      // The next edit rolls over: a manifest takes 1 MiB.
      while next < 17 {
        try manifest.apply(edit(next))
        next += 1
      }
      disk.setFaultPlan(FaultPlan([.init(operation, occurrence: occurrence, cause: cause)], seed: 3))
      var applied = manifest.state
      for _ in 0..<4 {
        let before = manifest.state
        do throws(StorageError) {
          try manifest.apply(edit(next))
          applied = manifest.state
        } catch {
          // Whoever meets a disk that is merely full goes on; so the manifest says whether that is right.
          if directory.latch.refusal != nil || error.code != .full { break }
          // Refused must mean that it is not there: whoever made the edit makes it again.
          #expect(manifest.state == before)
        }
        next += 1
      }
      disk.setFaultPlan(FaultPlan())
      let survivor = StoreDirectory(path: "/", fileSystem: disk.crash(.strict, seed: 5))
      let loaded = try #require(try Manifest.load(from: survivor))
      #expect(loaded.lastSequence >= applied.lastSequence, "\(operation) \(occurrence)")
      if loaded.lastSequence == applied.lastSequence { #expect(loaded == applied) }
    }
  }

  @Test func aFullDiskDuringARolloverIsNoReasonToStop() throws {
    let manifest = try create()
    for number in 1..<17 as Range<UInt64> { try manifest.apply(edit(number)) }
    let generation = try generation()
    disk.setFaultPlan(FaultPlan([.init(.create, isSticky: true, cause: .noSpace)]))
    for number in 17..<25 as Range<UInt64> { try manifest.apply(edit(number)) }
    #expect(directory.latch.refusal == nil)
    #expect(try self.generation() == generation)
    #expect(try Manifest.load(from: directory) == manifest.state)
    disk.setFaultPlan(FaultPlan())
    try manifest.apply(edit(25))
    #expect(try self.generation() == generation + 1)
    #expect(try Manifest.load(from: directory) == manifest.state)
    #expect(try directory.entries() == [.manifest])
  }
}
