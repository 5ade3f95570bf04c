// The detector must fire: what breaks a promise on purpose is found by the same sweeps.

import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct DetectorTests {
  private static func workload() -> Workload {
    var workload = Workload()
    for index in 0..<5 {
      workload.commit(
        .durable, .set(Array("key-\(index)".utf8), [UInt8](repeating: 7, count: 2000)),
        .set(Array("other-\(index)".utf8), [UInt8(index)]))
    }
    return workload
  }

  @Test func filesAreNotSynchronized() {
    let sweep = CrashSweep(
      name: "no file sync", workload: Self.workload(), seeds: 2, stride: 4,
      wrap: { LyingFileSystem($0, about: .file) })
    #expect(sweep.explore().violations.count > 0)
  }

  @Test func directoriesAreNotSynchronized() {
    let sweep = CrashSweep(
      name: "no directory sync", workload: Self.workload(), seeds: 2, stride: 4,
      wrap: { LyingFileSystem($0, about: .directory) })
    #expect(sweep.explore().violations.count > 0)
  }

  /// The store makes two commits of each; it is held to one.
  @Test func commitsAreSplit() {
    var split = Workload()
    for commit in Self.workload().commits {
      for write in commit.writes { split.steps.append(.commit(Commit(writes: [write]))) }
    }
    let sweep = CrashSweep(
      name: "split", workload: split, seeds: 1, stride: 3, heldTo: Self.workload().commits)
    let found = sweep.explore().violations
    #expect(found.contains { $0.contains("within a commit") })
  }
}

/// A disk that says that it has synchronized, and has not.
private final class LyingFileSystem: ForwardingFileSystem {
  enum Subject { case file, directory }
  let base: any FileSystem
  private let subject: Subject

  init(_ base: SimulatedFileSystem, about subject: Subject) {
    self.base = base
    self.subject = subject
  }

  func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    let file = try base.openFile(path, mode)
    return subject == .file ? LyingFile(file) : file
  }
  func synchronizeDirectory(_ path: String) throws(StorageError) {
    if subject != .directory { try base.synchronizeDirectory(path) }
  }
}

private final class LyingFile: ForwardingFile {
  let base: any File

  init(_ base: any File) { self.base = base }

  func synchronize() throws(StorageError) {}
}
