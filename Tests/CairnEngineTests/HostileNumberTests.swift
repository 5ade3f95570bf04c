import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// Numbers that no store reaches, in files whose checksums are right: refused, and nothing overflows.
@Suite struct HostileNumberTests {
  @Test(arguments: [
    (lastSequence: UInt64(1) << 55, nextFileNumber: UInt64(2)), (lastSequence: .max >> 8, nextFileNumber: 2),
    (lastSequence: 1, nextFileNumber: .max), (lastSequence: 1, nextFileNumber: .max / 2),
  ])
  func inTheManifest(lastSequence: UInt64, nextFileNumber: UInt64) throws {
    let disk = SimulatedFileSystem()
    let environment = Environment.simulated(disk, seed: 1)
    try disk.createDirectory("/store")
    let directory = StoreDirectory(path: "/store", fileSystem: disk)
    var state = VersionState(storeIdentity: [UInt8](repeating: 7, count: VersionEdit.identityBytes))
    state.lastSequence = lastSequence
    state.nextFileNumber = nextFileNumber
    _ = try Manifest(
      replacingWith: state, directory: directory, random: environment.random, leastRolloverBytes: 1 << 20)
    let error = #expect(throws: StorageError.self) { try Engine.open(at: "/store", environment: environment) }
    #expect(error?.code == .corruption)
  }

  @Test(arguments: [UInt64(1) << 55, UInt64(1) << 55 + 1, .max >> 8, .max])
  func inALog(firstSequence: UInt64) throws {
    let disk = SimulatedFileSystem()
    let environment = Environment.simulated(disk, seed: 1)
    try disk.createDirectory("/store")
    let directory = StoreDirectory(path: "/store", fileSystem: disk)
    let buffer = FrameBuffer()
    let reclaimer = FileReclaimer(directory: directory, queue: environment.scheduler.makeQueue(label: ""))
    _ = try LogFiles(
      directory: directory, random: environment.random, firstLogBytes: 256 << 10, greatestLogBytes: 1 << 20,
      reclaimer: reclaimer
    ).createLog(number: 1, predecessor: nil, buffer: buffer) { writer throws(StorageError) in
      var batch = WriteBatch(byteLimit: 1000)
      try batch.remove([1])
      buffer.removeAll()
      BatchGroup.append(batch, to: buffer)
      try writer.append(.group, firstSequence: firstSequence, batchCount: 1)
    }
    var state = VersionState(storeIdentity: [UInt8](repeating: 7, count: VersionEdit.identityBytes))
    state.logs = [1]
    state.nextFileNumber = 2
    _ = try Manifest(
      replacingWith: state, directory: directory, random: environment.random, leastRolloverBytes: 1 << 20)
    let error = #expect(throws: StorageError.self) { try Engine.open(at: "/store", environment: environment) }
    #expect(error?.code == .corruption)
  }
}
