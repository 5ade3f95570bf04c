public import CairnEngine
public import CairnKV

/// A file system that passes every call on to another one, but for those that a conforming type implements itself:
/// to count calls, to hold one up, to lie about one.
///
///     final class CountingDisk: ForwardingFileSystem {
///       let base: any FileSystem = SimulatedFileSystem()
///       let removals = Atomic<Int>(0)
///       func remove(_ path: String) throws(StorageError) {
///         removals.add(1, ordering: .relaxed)
///         try base.remove(path)
///       }
///     }
public protocol ForwardingFileSystem: FileSystem {
  /// Where calls go.
  var base: any FileSystem { get }
}

extension ForwardingFileSystem {
  /// Passes the call on.
  public func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    try base.openFile(path, mode)
  }
  /// Passes the call on.
  public func createDirectory(_ path: String) throws(StorageError) { try base.createDirectory(path) }
  /// Passes the call on.
  public func rename(_ source: String, to destination: String) throws(StorageError) {
    try base.rename(source, to: destination)
  }
  /// Passes the call on.
  public func link(_ source: String, to destination: String) throws(StorageError) {
    try base.link(source, to: destination)
  }
  /// Passes the call on.
  public func remove(_ path: String) throws(StorageError) { try base.remove(path) }
  /// Passes the call on.
  public func list(_ directory: String) throws(StorageError) -> [String] { try base.list(directory) }
  /// Passes the call on.
  public func information(at path: String) throws(StorageError) -> FileInformation? {
    try base.information(at: path)
  }
  /// Passes the call on.
  public func space(at path: String) throws(StorageError) -> FileSystemSpace? { try base.space(at: path) }
  /// Passes the call on.
  public func synchronizeDirectory(_ path: String) throws(StorageError) {
    try base.synchronizeDirectory(path)
  }
  /// Passes the call on.
  public func lock(_ path: String) throws(StorageError) -> any FileLock { try base.lock(path) }
  /// Passes the call on.
  public func isLocked(_ path: String) throws(StorageError) -> Bool { try base.isLocked(path) }
}

/// A file that passes every call on to another one, but for those that a conforming type implements itself.
///
/// ``CairnEngine/File/writeThrough(_:at:)`` is passed on as a write and a sync, so that who implements one of those sees
/// all of them.
public protocol ForwardingFile: File {
  /// Where calls go.
  var base: any File { get }
}

extension ForwardingFile {
  /// Passes the call on.
  public var path: String { base.path }
  /// Passes the call on.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int
  {
    try base.read(into: buffer, at: offset)
  }
  /// Passes the call on.
  public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    try base.write(bytes, at: offset)
  }
  /// Passes the call on.
  public func synchronize() throws(StorageError) { try base.synchronize() }
  /// Passes the call on.
  public func startWriteback(at offset: UInt64, count: UInt64) throws(StorageError) {
    try base.startWriteback(at: offset, count: count)
  }
  /// Passes the call on.
  public func truncate(to size: UInt64) throws(StorageError) { try base.truncate(to: size) }
  /// Passes the call on.
  public func preallocate(_ size: UInt64) throws(StorageError) { try base.preallocate(size) }
  /// Passes the call on.
  public func size() throws(StorageError) -> UInt64 { try base.size() }
  /// Passes the call on.
  public func close() throws(StorageError) { try base.close() }
}
