import CairnEngine
import CairnKV
import Synchronization

/// The operating system's files, with the syncs counted: how many commits share one is what group commit is
/// judged by.
final class CountingFileSystem: FileSystem {
  private let base = POSIXFileSystem()
  private let synchronizations = Counter()

  final class Counter: Sendable {
    let value = Atomic<Int>(0)
  }

  /// How often any file was synced so far.
  var synchronizationCount: Int { synchronizations.value.load(ordering: .relaxed) }

  func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    CountingFile(try base.openFile(path, mode), synchronizations)
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

private final class CountingFile: File {
  private let base: any File
  private let synchronizations: CountingFileSystem.Counter

  init(_ base: any File, _ synchronizations: CountingFileSystem.Counter) {
    self.base = base
    self.synchronizations = synchronizations
  }

  var path: String { base.path }
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
    try base.read(into: buffer, at: offset)
  }
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    try base.write(bytes, at: offset)
  }
  func synchronize() throws(StorageError) {
    synchronizations.value.add(1, ordering: .relaxed)
    try base.synchronize()
  }
  func truncate(to size: UInt64) throws(StorageError) { try base.truncate(to: size) }
  func preallocate(_ size: UInt64) throws(StorageError) { try base.preallocate(size) }
  func size() throws(StorageError) -> UInt64 { try base.size() }
  func close() throws(StorageError) { try base.close() }
}
