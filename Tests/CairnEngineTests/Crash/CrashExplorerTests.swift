// The explorer sees every disk there can be, and finds what is wrong.

import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

@Suite struct CrashExplorerTests {
  private static func sweep(_ wrap: @escaping (SimulatedFileSystem) -> any FileSystem = { $0 }) -> CrashSweep
  {
    var workload = Workload()
    workload.commit(.durable, .set([1], [1]), .set([2], [1]))
    workload.commit(.buffered, .set([1], [2]))
    workload.commit(.durable, .set([2], [3]))
    var sweep = CrashSweep(name: "explorer", workload: workload)
    sweep.wrap = wrap
    return sweep
  }

  @Test func nothingIsWrong() {
    let findings = CrashExplorer(sweep: Self.sweep(), statesPerMoment: 24).explore()
    #expect(findings.violations.isEmpty, "\(findings.violations.first ?? "")")
    #expect(findings.states > 200 && findings.recoveries > 50)
    #expect(findings.exhaustiveMoments > 4 && findings.exhaustiveMoments < findings.moments)
  }

  /// A disk whose syncs of logs do nothing.
  @Test func aSyncThatIsLeftOutIsFound() {
    let findings = CrashExplorer(sweep: Self.sweep { LyingFileSystem($0) }, statesPerMoment: 12).explore()
    #expect(!findings.violations.isEmpty)
    #expect(findings.violations.contains { $0.contains("I1") || $0.contains("corruption") })
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
    #expect(disk.moment.crashStates(.kill, limit: 8, seed: 1).disks.count == 1)
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
