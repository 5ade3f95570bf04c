// The detector must fire: what breaks a promise on purpose is found by the same explorations.

import CairnKV
import CairnTesting
import CrashKit
import Testing

@testable import CairnEngine

@Suite struct DetectorTests {
  private static func workload() -> EngineWorkload {
    EngineWorkload("detector") { workload in
      for index in 0..<5 {
        workload.commit(
          .durable, .set(key(index), fill(7, 2000)), .set(Array("other-\(index)".utf8), [UInt8(index)]))
      }
    }
  }

  private func failures(of workload: EngineWorkload, shrinking limit: Int = 0) async -> [CrashFailure] {
    var effort = CrashEffort()
    effort.states = 300
    effort.shrinkLimit = limit
    var explorer = CrashExplorer(workload, effort)
    return await explorer.explore().failures
  }

  @Test func filesAreNotSynchronized() async {
    var workload = Self.workload()
    workload.wrap = { LyingFileSystem($0, about: .file) }
    #expect(await failures(of: workload).count > 0)
  }

  @Test func directoriesAreNotSynchronized() async {
    var workload = Self.workload()
    workload.wrap = { LyingFileSystem($0, about: .directory) }
    #expect(await failures(of: workload).count > 0)
  }

  /// The store makes two commits of each; it is held to one.
  @Test func commitsAreSplit() async {
    let commits = Self.workload().workload.commits
    var workload = EngineWorkload("split") { split in
      for commit in commits {
        for write in commit.writes { split.steps.append(.commit(Commit(writes: [write]))) }
      }
    }
    workload.heldTo = commits
    let found = await failures(of: workload)
    #expect(found.contains { $0.description.contains("within a commit") })
  }

  /// Who swallows the error of a sync is found by the calls that fail.
  @Test func errorsAreSwallowed() async {
    var workload = Self.workload()
    workload.wrap = { LyingFileSystem($0, about: .error) }
    var effort = CrashEffort()
    effort.faults = 200
    var explorer = FaultExplorer(workload, effort)
    let findings = await explorer.explore()
    #expect(
      findings.violations.contains { $0.contains("synchronize") && $0.contains("I1") },
      "\(findings.violations)")
  }

  /// A case that fails is made simpler, and the line that tells it fails again, and just so.
  @Test func aFailureIsMadeSimplerAndRepeats() async throws {
    var workload = Self.workload()
    workload.wrap = { LyingFileSystem($0, about: .file) }
    let failure = try #require(await failures(of: workload, shrinking: 100).first)
    #expect(failure.found.steps.count <= 1, "one step does: \(failure)")
    let text = try #require(CrashCase("\(failure.found)"))
    #expect(text == failure.found)
    let again = try #require(await workload.replay(text))
    #expect(again.complaints == failure.complaints)
  }
}

/// A disk that says that it has synchronized, and has not.
private final class LyingFileSystem: ForwardingFileSystem {
  enum Subject { case file, directory, error }
  let base: any FileSystem
  private let subject: Subject

  init(_ base: SimulatedFileSystem, about subject: Subject) {
    self.base = base
    self.subject = subject
  }

  func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    let file = try base.openFile(path, mode)
    switch subject {
    case .file: return LyingFile(file)
    case .error: return SwallowingFile(file)
    case .directory: return file
    }
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

/// Syncs, and says that it has whatever came of it.
private final class SwallowingFile: ForwardingFile {
  let base: any File

  init(_ base: any File) { self.base = base }

  func synchronize() { try? base.synchronize() }
  func writeThrough(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) {
    try? base.writeThrough(bytes, at: offset)
  }
}
