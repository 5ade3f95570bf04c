import CairnKV
import Synchronization

/// Files that are kept open, so that they can be read for as long as somebody wants them, whether or not they still
/// have a name: whoever writes the store removes what it needs no more, and does not know of readers in other
/// processes.
///
/// A file that is pinned is opened as often as one likes without the system's being asked; one that is not is opened
/// by its name. Only for reading.
final class PinnedFiles: FileSystem {
  /// Keeps some files pinned.
  final class Pins: Sendable {
    private let owner: PinnedFiles
    let paths: Set<String>

    /// Those that were not open before.
    let opened: Set<String>

    fileprivate init(_ owner: PinnedFiles, _ paths: Set<String>, opened: Set<String>) {
      self.owner = owner
      self.paths = paths
      self.opened = opened
    }

    deinit { owner.unpin(paths) }
  }

  private struct Pinned {
    var file: any File
    var count: Int
  }

  private let base: any FileSystem
  private let pinned = Mutex<[String: Pinned]>([:])

  init(_ base: any FileSystem) { self.base = base }

  /// How many files are kept open.
  var count: Int { pinned.withLock { $0.count } }

  /// Opens those files that are not open yet, and keeps all of them open.
  /// - Throws: what opening one throws; then none is pinned.
  func pin(_ paths: Set<String>) throws(StorageError) -> Pins {
    var taken: Set<String> = []
    var opened: Set<String> = []
    do throws(StorageError) {
      for path in paths.sorted() {
        if !pinAgain(path) {
          let file = try base.openFile(path, .read)
          add(file, path)
          opened.insert(path)
        }
        taken.insert(path)
      }
    } catch {
      unpin(taken)
      throw error
    }
    return Pins(self, taken, opened: opened)
  }

  private func pinAgain(_ path: String) -> Bool {
    pinned.withLock { pinned in
      guard pinned[path] != nil else { return false }
      pinned[path]?.count += 1
      return true
    }
  }

  private func add(_ file: any File, _ path: String) {
    pinned.withLock { pinned in
      // Another opening may have been faster; then its file does as well.
      pinned[path] = Pinned(file: pinned[path]?.file ?? file, count: (pinned[path]?.count ?? 0) + 1)
    }
  }

  private func unpin(_ paths: Set<String>) {
    // Closed outside the lock.
    let closed = pinned.withLock { pinned in
      var closed: [any File] = []
      for path in paths {
        guard let entry = pinned[path] else { continue }
        if entry.count > 1 {
          pinned[path]?.count -= 1
        } else {
          closed.append(entry.file)
          pinned[path] = nil
        }
      }
      return closed
    }
    withExtendedLifetime(closed) {}
  }

  // MARK: FileSystem

  func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    guard mode == .read else { throw Self.refusal(path) }
    if let file = pinned.withLock({ $0[path]?.file }) { return SharedFile(file) }
    return try base.openFile(path, .read)
  }

  func list(_ directory: String) throws(StorageError) -> [String] { try base.list(directory) }
  func information(at path: String) throws(StorageError) -> FileInformation? {
    try base.information(at: path)
  }
  func space(at path: String) throws(StorageError) -> FileSystemSpace? { try base.space(at: path) }
  func isLocked(_ path: String) throws(StorageError) -> Bool { try base.isLocked(path) }

  func createDirectory(_ path: String) throws(StorageError) { throw Self.refusal(path) }
  func rename(_ source: String, to destination: String) throws(StorageError) {
    throw Self.refusal(destination)
  }
  func link(_ source: String, to destination: String) throws(StorageError) { throw Self.refusal(destination) }
  func remove(_ path: String) throws(StorageError) { throw Self.refusal(path) }
  func synchronizeDirectory(_ path: String) throws(StorageError) { throw Self.refusal(path) }
  func lock(_ path: String) throws(StorageError) -> any FileLock { throw Self.refusal(path) }

  fileprivate static func refusal(_ path: String) -> StorageError {
    StorageError(.readOnly, "the store was opened for reading only", file: path)
  }
}

/// A pinned file, which closing leaves open for the others that read it.
private final class SharedFile: File {
  private let base: any File

  init(_ base: any File) { self.base = base }

  var path: String { base.path }
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
    try base.read(into: buffer, at: offset)
  }
  func size() throws(StorageError) -> UInt64 { try base.size() }
  func synchronize() throws(StorageError) { try base.synchronize() }
  func close() throws(StorageError) {}

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    throw PinnedFiles.refusal(path)
  }
  func truncate(to size: UInt64) throws(StorageError) { throw PinnedFiles.refusal(path) }
  func preallocate(_ size: UInt64) throws(StorageError) { throw PinnedFiles.refusal(path) }
}
