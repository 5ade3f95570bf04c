public import CairnKV

/// Every file operation the engine performs goes through this protocol, so that a test can run the engine
/// on a simulated disk that loses what was not synced, and inject a failure at any call.
///
/// Every call throws a ``StorageError`` of code `.inputOutput` (`.full` for ENOSPC and EDQUOT) that carries
/// the path and the system's error number. Interrupted calls (EINTR) are retried within the implementation.
public protocol FileSystem: Sendable {
  /// Opens or creates a file.
  func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File

  /// Creates one directory with permissions 0700. Its parent must exist. One that exists already is fine.
  func createDirectory(_ path: String) throws(StorageError)

  /// Renames `source` to `destination`, replacing what is there. Durable once the directory is synced.
  func rename(_ source: String, to destination: String) throws(StorageError)

  /// Makes `destination` a second name of the file `source`. Fails if `destination` exists.
  func link(_ source: String, to destination: String) throws(StorageError)

  /// Removes a file's name. Durable once the directory is synced.
  func remove(_ path: String) throws(StorageError)

  /// The names in a directory, sorted, without `.` and `..`. A listing that fails throws: it is never empty
  /// instead.
  func list(_ directory: String) throws(StorageError) -> [String]

  /// What stands at `path`; `nil` when nothing does.
  func information(at path: String) throws(StorageError) -> FileInformation?

  /// How much room there is where `path` stands; `nil` where nobody knows.
  func space(at path: String) throws(StorageError) -> FileSystemSpace?

  /// Makes the directory's entries (creations, renames, removals) durable.
  func synchronizeDirectory(_ path: String) throws(StorageError)

  /// Takes the lock at `path`, creating the file if need be and writing this process's id into it.
  ///
  /// The lock excludes other processes and other holders in this process, and ends with the process.
  /// - Throws: `.locked`, with the holder's process id where it can be read.
  func lock(_ path: String) throws(StorageError) -> any FileLock

  /// Whether somebody, in this process or another one, holds the lock at `path`. Takes no lock that lasts, and creates
  /// nothing: where there is no file nobody holds it.
  func isLocked(_ path: String) throws(StorageError) -> Bool
}

extension FileSystem {
  /// Nobody knows.
  public func space(at path: String) throws(StorageError) -> FileSystemSpace? { nil }
}

/// How much room a file system has.
public struct FileSystemSpace: Sendable, Hashable {
  /// What this process may still write, in bytes.
  public var freeBytes: UInt64
  /// What there is in all, in bytes.
  public var totalBytes: UInt64

  /// Describes a file system.
  public init(freeBytes: UInt64, totalBytes: UInt64) {
    self.freeBytes = freeBytes
    self.totalBytes = totalBytes
  }
}

/// How a file is opened.
public enum FileOpenMode: Sendable, Hashable {
  /// It must exist; it is only read.
  case read
  /// It must exist; it is read and written.
  case readWrite
  /// The same for a file that gets one durable write after the other: ``File/writeThrough(_:at:)`` goes straight to
  /// the disk where the system and the file system can do that.
  case readWriteThrough
  /// It must not exist; it is created with permissions 0600, for reading and writing.
  case create
}

/// What stands at a path.
public struct FileInformation: Sendable, Hashable {
  /// Whether it is a directory.
  public var isDirectory: Bool
  /// The file's length in bytes.
  public var size: UInt64
  /// Who may do what, as the nine low bits of a POSIX mode say.
  public var permissions: UInt16

  /// Describes a file or directory.
  public init(isDirectory: Bool, size: UInt64, permissions: UInt16 = 0o600) {
    self.isDirectory = isDirectory
    self.size = size
    self.permissions = permissions
  }

  /// Whether somebody else than the owner may write to it.
  var isWritableByOthers: Bool { permissions & 0o022 != 0 }
  /// Whether somebody else may reach what is in the directory.
  var isEnteredByOthers: Bool { permissions & 0o011 != 0 }
}

/// An open file. Calls may come from several threads at once.
public protocol File: AnyObject, Sendable {
  /// The path it was opened under.
  var path: String { get }

  /// Reads into `buffer` from `offset` until the buffer is full or the file ends.
  /// - Returns: how many bytes were read; fewer than `buffer.count` only at the end of the file.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int

  /// Writes all of `bytes` at `offset`, growing the file if need be.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError)

  /// Writes all of `bytes` at `offset`, growing the file if need be, and makes them durable; of what was written
  /// before, nothing is said.
  ///
  /// A failure is a failed write and a failed sync in one: what has become of the bytes is not known. Fastest for
  /// whole, aligned pages of 4 KiB in a file opened ``FileOpenMode/readWriteThrough``.
  func writeThrough(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError)

  /// Makes the file's content and length durable (`fdatasync`; on macOS `F_FULLFSYNC`).
  ///
  /// After it has thrown, what was written since the last success may be lost although it can still be
  /// read. It must not be retried in the hope that it then succeeds.
  func synchronize() throws(StorageError)

  /// Has the system begin to write `count` bytes from `offset` to the disk, without waiting for it: a hint, which
  /// makes nothing durable. A file system that cannot does nothing.
  /// - Throws: when the disk is known to have failed (EIO) or to be full. That the hint itself is refused is no
  ///   error.
  func startWriteback(at offset: UInt64, count: UInt64) throws(StorageError)

  /// Sets the file's length, cutting it off or growing it with zeros.
  func truncate(to size: UInt64) throws(StorageError)

  /// Reserves space so that writing up to `size` needs none later. A file system that cannot does nothing.
  func preallocate(_ size: UInt64) throws(StorageError)

  /// The file's length in bytes.
  func size() throws(StorageError) -> UInt64

  /// Closes the file. It must not be used afterwards. Also done, silently, when the last reference goes.
  func close() throws(StorageError)
}

extension File {
  /// Writes, then syncs all of the file.
  public func writeThrough(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    try write(bytes, at: offset)
    try synchronize()
  }
}

/// A held lock. Let go by ``release()``, or when the last reference or the process goes.
public protocol FileLock: AnyObject, Sendable {
  /// Lets go of the lock. Twice is fine.
  func release()
}
