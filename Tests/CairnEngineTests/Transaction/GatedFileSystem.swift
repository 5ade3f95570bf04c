import CairnKV
import Synchronization

@testable import CairnEngine

/// Whether the code runs in the context of the task that set it.
enum CallerMarker {
  @TaskLocal static var isCaller = false
}

/// A file system whose syncs of logs are counted, and wait at a gate when told to.
///
/// A log is opened under the name that it has as a spare.
final class GatedFileSystem: FileSystem {
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

  private let base: any FileSystem
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
  func createDirectory(_ path: String) throws(StorageError) { try base.createDirectory(path) }
  func rename(_ source: String, to destination: String) throws(StorageError) {
    try base.rename(source, to: destination)
  }
  func link(_ source: String, to destination: String) throws(StorageError) {
    try base.link(source, to: destination)
  }
  func remove(_ path: String) throws(StorageError) { try base.remove(path) }
  func list(_ directory: String) throws(StorageError) -> [String] { try base.list(directory) }
  func information(at path: String) throws(StorageError) -> FileInformation? {
    try base.information(at: path)
  }
  func synchronizeDirectory(_ path: String) throws(StorageError) { try base.synchronizeDirectory(path) }
  func lock(_ path: String) throws(StorageError) -> any FileLock { try base.lock(path) }
}

private final class GatedFile: File {
  private let base: any File
  private let fileSystem: GatedFileSystem

  init(_ base: any File, _ fileSystem: GatedFileSystem) {
    self.base = base
    self.fileSystem = fileSystem
  }

  var path: String { base.path }
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
    try base.read(into: buffer, at: offset)
  }
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    try base.write(bytes, at: offset)
  }
  func synchronize() throws(StorageError) {
    fileSystem.passSync()
    try base.synchronize()
  }
  func truncate(to size: UInt64) throws(StorageError) { try base.truncate(to: size) }
  func preallocate(_ size: UInt64) throws(StorageError) { try base.preallocate(size) }
  func size() throws(StorageError) -> UInt64 { try base.size() }
  func close() throws(StorageError) { try base.close() }
}
