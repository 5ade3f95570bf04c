import CairnKV
import CairnTesting
import Synchronization

@testable import CairnEngine

/// Whether the code runs in the context of the task that set it.
enum CallerMarker {
  @TaskLocal static var isCaller = false
}

/// A file system whose syncs of logs are counted, and wait at a gate when told to.
///
/// A log is opened under the name that it has as a spare.
final class GatedFileSystem: ForwardingFileSystem {
  private struct State {
    var syncCount = 0
    var callerSyncCount = 0
    var gate: Gate?
  }

  /// Where a sync waits. One sync at a time comes by: the commit leader's.
  final class Gate: Sendable {
    private let arrived = ThreadParker()
    private let opened = ThreadParker()

    /// Waits until a sync stands at the gate.
    func waitForArrival() { arrived.park() }
    func open() { opened.unpark() }

    fileprivate func pass() {
      arrived.unpark()
      opened.park()
    }
  }

  let base: any FileSystem
  private let state = Mutex(State())

  init(_ base: any FileSystem) { self.base = base }

  /// How many syncs of logs there were.
  var syncCount: Int { state.withLock { $0.syncCount } }
  /// How many of them ran in the context of a task that set the marker.
  var callerSyncCount: Int { state.withLock { $0.callerSyncCount } }

  /// The next sync of a log, and only that one, waits here.
  func closeGate() -> Gate {
    let gate = Gate()
    state.withLock { $0.gate = gate }
    return gate
  }

  fileprivate func passSync() {
    let gate = state.withLock { state in
      state.syncCount += 1
      if CallerMarker.isCaller { state.callerSyncCount += 1 }
      defer { state.gate = nil }
      return state.gate
    }
    gate?.pass()
  }

  func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    let file = try base.openFile(path, mode)
    return path.hasSuffix(".spare") || path.hasSuffix(".log") ? GatedFile(file, self) : file
  }
}

private final class GatedFile: ForwardingFile {
  let base: any File
  private let fileSystem: GatedFileSystem

  init(_ base: any File, _ fileSystem: GatedFileSystem) {
    self.base = base
    self.fileSystem = fileSystem
  }

  func synchronize() throws(StorageError) {
    fileSystem.passSync()
    try base.synchronize()
  }
}
