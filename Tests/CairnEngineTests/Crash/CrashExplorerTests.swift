// The explorer sees every disk there can be, and finds what is wrong.

import CairnKV
import CairnTesting
import CrashKit
import Synchronization
import Testing

@testable import CairnEngine

@Suite struct CrashExplorerTests {
  private static func workload() -> EngineWorkload {
    EngineWorkload("explorer") { workload in
      workload.commit(.durable, .set([1], [1]), .set([2], [1]))
      workload.commit(.buffered, .set([1], [2]))
      workload.commit(.durable, .set([2], [3]))
    }
  }

  @Test func nothingIsWrong() async {
    var effort = CrashEffort()
    effort.states = 120
    effort.recoveries = 40
    var explorer = CrashExplorer(Self.workload(), effort)
    let findings = await explorer.explore()
    #expect(findings.failures.isEmpty, "\(findings.failures)")
    #expect(findings.states > 60 && findings.recoveries > 20, "\(findings)")
    #expect(findings.exhaustedMoments > 4 && findings.exhaustedMoments <= findings.moments)
  }

  /// A disk whose syncs of logs do nothing.
  @Test func aSyncThatIsLeftOutIsFound() async {
    var workload = Self.workload()
    workload.wrap = { LyingFileSystem($0) }
    var effort = CrashEffort()
    effort.states = 60
    var explorer = CrashExplorer(workload, effort)
    let failures = await explorer.explore().failures
    #expect(failures.contains { $0.description.contains("I1") || $0.description.contains("corruption") })
  }

  /// Of two writes of two sectors each, in different files, and two names: all subsets, each once.
  @Test func fewEffectsAreEnumeratedWhole() throws {
    let disk = SimulatedFileSystem()
    let first = try disk.openFile("/a", .create)
    try first.synchronize()
    try disk.synchronizeDirectory("/")
    try first.writeBytes([UInt8](repeating: 1, count: 1024), at: 0)
    // The growth, and two sectors: any subset.
    #expect(disk.moment.pendingCount == 2)
    let all = disk.moment.crashStates(.strict, limit: 8, seed: 1)
    #expect(all.isExhaustive && all.disks.count == 8)
    let contents = try all.disks.map { disk -> [UInt8] in
      let file = try disk.openFile("/a", .read)
      return try ReadWindow().bytes(of: file)
    }
    #expect(Set(contents).count == 5, "without the growth nothing is seen of the sectors")
    // In order: nothing or the growth, and any of the sectors.
    #expect(disk.moment.crashStates(.ordered, limit: 8, seed: 1).disks.count == 8)
    // The last write whole, or up to its first byte, its middle, its last byte but one.
    #expect(disk.moment.crashStates(.kill, limit: 8, seed: 1).disks.count == 4)
    let some = disk.moment.crashStates(.strict, limit: 7, seed: 1)
    #expect(!some.isExhaustive && some.disks.count > 3 && some.disks.count <= 7)
    // A second write of the same sector: with it comes the first.
    try first.writeBytes([UInt8](repeating: 2, count: 512), at: 0)
    let again = disk.moment.crashStates(.strict, limit: 16, seed: 1)
    #expect(again.isExhaustive && again.disks.count == 12)
  }

  @Test func theObserverSeesEveryMomentOnce() throws {
    let disk = SimulatedFileSystem()
    let seen = Mutex<[Int]>([])
    disk.setObserver { moment in seen.withLock { $0.append(moment.pendingCount) } }
    let file = try disk.openFile("/a", .create)
    _ = try file.size()
    try file.writeBytes([1], at: 0)
    _ = try disk.list("/")
    _ = try disk.list("/")
    try file.synchronize()
    try file.synchronize()
    try disk.synchronizeDirectory("/")
    _ = try disk.list("/")
    #expect(seen.withLock { $0 } == [0, 1, 3, 1, 0])
    disk.setObserver(nil)
    try disk.remove("/a")
    #expect(seen.withLock { $0.count } == 5)
  }
}

extension ReadWindow {
  fileprivate func bytes(of file: any File) throws -> [UInt8] {
    let size = try file.size()
    return try read(file, at: 0, count: Int(size), fileSize: size).map { [UInt8]($0) } ?? []
  }
}

/// Says that logs were synced, and does nothing.
private final class LyingFileSystem: ForwardingFileSystem {
  let base: any FileSystem
  init(_ base: any FileSystem) { self.base = base }

  func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    let file = try base.openFile(path, mode)
    return path.hasSuffix(".log") ? LyingFile(file) : file
  }

  private final class LyingFile: ForwardingFile {
    let base: any File
    init(_ base: any File) { self.base = base }
    func synchronize() {}
    func writeThrough(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
      try base.write(bytes, at: offset)
    }
  }
}
