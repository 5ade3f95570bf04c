// The files of the operating system, on Linux and macOS. Each method is one system call or two; what the
// contract in FileSystem.swift promises beyond what the call does is said where it is done.

public import CairnKV

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The operating system's files.
///
/// A name in a directory that is not UTF-8, which the engine never writes, is listed with its bad bytes
/// replaced.
public struct POSIXFileSystem: FileSystem {
  /// The operating system's files.
  public init() {}

  /// Opens or creates a file, which must be a regular one, or a device, not a directory.
  public func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    // A FIFO put in the place of a file must fail, not hang: O_NONBLOCK means nothing for a regular file.
    let common = O_CLOEXEC | O_NONBLOCK
    let descriptor: Int32
    switch mode {
    case .read: descriptor = try SystemCall.run("open", path: path) { open($0, O_RDONLY | common) }
    case .readWrite, .readWriteThrough:
      descriptor = try SystemCall.run("open", path: path) { open($0, O_RDWR | common) }
    case .create:
      descriptor = try SystemCall.run("create", path: path) {
        open($0, O_RDWR | O_CREAT | O_EXCL | common, 0o600)
      }
    }
    let file = POSIXFile(
      descriptor: descriptor, path: path,
      direct: mode == .readWriteThrough ? DirectDescriptor(path, sameFileAs: descriptor) : nil)
    if mode == .read {
      // The system opens a directory for reading, and refuses only to read from it.
      guard try !file.information().isDirectory else { throw SystemCall.failure(EISDIR, "open", path) }
    }
    return file
  }

  /// `mkdir` with permissions 0700; a directory that is there is fine.
  public func createDirectory(_ path: String) throws(StorageError) {
    do throws(StorageError) {
      _ = try SystemCall.run("create directory", path: path) { mkdir($0, 0o700) }
    } catch {
      guard error.systemError == EEXIST, try information(at: path)?.isDirectory == true else { throw error }
    }
  }

  /// `rename`. A failure names both paths.
  public func rename(_ source: String, to destination: String) throws(StorageError) {
    try onPair(source, destination, "rename") { renameat(AT_FDCWD, $0, AT_FDCWD, $1) }
  }

  /// `link`, which follows no symbolic link. A failure names both paths.
  public func link(_ source: String, to destination: String) throws(StorageError) {
    try onPair(source, destination, "link") { linkat(AT_FDCWD, $0, AT_FDCWD, $1, 0) }
  }

  /// `unlink`.
  public func remove(_ path: String) throws(StorageError) {
    _ = try SystemCall.run("remove", path: path) { unlink($0) }
  }

  /// The names in a directory, sorted; a listing that fails half-way throws.
  public func list(_ directory: String) throws(StorageError) -> [String] {
    let descriptor = try SystemCall.run("list", path: directory) {
      open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    guard let stream = fdopendir(descriptor) else {
      let number = errno
      SystemCall.closeSilently(descriptor)
      throw SystemCall.failure(number, "list", directory)
    }
    var names: [String] = []
    while true {
      // NULL means both the end and a failure; only errno tells them apart.
      errno = 0
      guard let entry = readdir(stream) else { break }
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
      }
      if name != ".", name != ".." { names.append(name) }
    }
    let readError = errno
    let closeError = closedir(stream) == 0 ? 0 : errno
    if readError != 0 { throw SystemCall.failure(readError, "list", directory) }
    if closeError != 0, closeError != EINTR { throw SystemCall.failure(closeError, "list", directory) }
    names.sort()
    return names
  }

  /// `stat`; `nil` when nothing stands there.
  public func information(at path: String) throws(StorageError) -> FileInformation? {
    var status = stat()
    do throws(StorageError) {
      _ = try SystemCall.run("examine", path: path) { stat($0, &status) }
    } catch {
      if error.systemError == ENOENT || error.systemError == ENOTDIR { return nil }
      throw error
    }
    return FileInformation(status)
  }

  /// `statvfs`.
  public func space(at path: String) throws(StorageError) -> FileSystemSpace? {
    var status = statvfs()
    _ = try SystemCall.run("examine", path: path) { statvfs($0, &status) }
    let unit = UInt64(status.f_frsize)
    func bytes(_ blocks: UInt64) -> UInt64 {
      let (bytes, overflow) = blocks.multipliedReportingOverflow(by: unit)
      return overflow ? .max : bytes
    }
    return FileSystemSpace(
      freeBytes: bytes(UInt64(status.f_bavail)), totalBytes: bytes(UInt64(status.f_blocks)))
  }

  /// `fsync` of the directory.
  public func synchronizeDirectory(_ path: String) throws(StorageError) {
    let descriptor = try SystemCall.run("open directory", path: path) {
      open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    do throws(StorageError) {
      try POSIXFile.flush(descriptor, includingMetadata: true, "sync directory", path)
    } catch {
      SystemCall.closeSilently(descriptor)
      throw error
    }
    try SystemCall.close(descriptor, path)
  }

  /// Takes the lock, against other processes and other holders in this one.
  public func lock(_ path: String) throws(StorageError) -> any FileLock {
    try POSIXFileLock(path)
  }

  /// Whether somebody holds the lock: by trying for a moment to share it.
  public func isLocked(_ path: String) throws(StorageError) -> Bool { try POSIXFileLock.isHeld(path) }

  /// Makes a call on two paths; a failure names both, and carries the second, which is the one to be made.
  private func onPair(
    _ source: String, _ destination: String, _ operation: StaticString,
    _ call: (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Int32
  ) throws(StorageError) {
    do throws(StorageError) {
      if source.utf8.contains(0) { throw SystemCall.failure(EINVAL, operation, source) }
      _ = try SystemCall.run(operation, path: destination) { target in
        source.withCString { call($0, target) }
      }
    } catch {
      let reason = SystemCall.description(of: error.systemError ?? 0)
      throw StorageError(
        error.code, "cannot \(operation) \"\(source)\" to \"\(destination)\": \(reason)", file: destination,
        systemError: error.systemError)
    }
  }
}

extension FileInformation {
  init(_ status: stat) {
    self.init(
      isDirectory: status.st_mode & S_IFMT == S_IFDIR, size: UInt64(max(0, status.st_size)),
      permissions: UInt16(truncatingIfNeeded: status.st_mode & 0o777))
  }
}
