// An open file of the operating system.
//
// Invariant (descriptor): the descriptor is open for as long as the object lives, so a call in flight on
// another thread, which keeps the object alive, never meets a number that the system has given to someone
// else meanwhile. `close` therefore only marks the file; the last reference lets the descriptor go.
// Counting the calls in flight would free it sooner, at two contended atomics a read.

import CairnKV
import CairnShims
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// An open file. Reads and writes take no lock.
final class POSIXFile: File {
  let path: String
  private let descriptor: Int32
  /// For writes that go straight to the disk.
  private let direct: DirectDescriptor?
  private let isClosed = Atomic<Bool>(false)

  /// The most one call asks for: Linux stops at 2 GiB - 4 KiB, macOS refuses more than 2 GiB - 1.
  private static let chunkBytes = 1 << 30

  /// Takes over an open descriptor.
  init(descriptor: Int32, path: String, direct: DirectDescriptor? = nil) {
    self.descriptor = descriptor
    self.path = path
    self.direct = direct
  }

  deinit { SystemCall.closeSilently(descriptor) }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
    let start = try position(offset, "read")
    guard let base = buffer.baseAddress else { return 0 }
    var done = 0
    while done < buffer.count {
      let chunk = min(buffer.count - done, Self.chunkBytes)
      let count = try SystemCall.run("read", path) {
        pread(descriptor, base + done, chunk, start &+ off_t(done))
      }
      if count == 0 { break }
      done += count
    }
    return done
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    let start = try position(offset, "write")
    guard let base = bytes.baseAddress else { return }
    var done = 0
    while done < bytes.count {
      let chunk = min(bytes.count - done, Self.chunkBytes)
      let count = try SystemCall.run("write", path) {
        pwrite(descriptor, base + done, chunk, start &+ off_t(done))
      }
      // No system does this for a regular file; if one did, the loop would not end.
      if count == 0 { throw SystemCall.failure(EIO, "write", path) }
      done += count
    }
  }

  func writeThrough(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    let start = try position(offset, "write")
    if let direct, try direct.write(bytes, at: start, path) { return }
    try write(bytes, at: offset)
    try synchronize()
  }

  func synchronize() throws(StorageError) {
    try checkOpen("sync")
    try Self.flush(descriptor, includingMetadata: false, "sync", path)
  }

  func startWriteback(at offset: UInt64, count: UInt64) throws(StorageError) {
    #if os(Linux)
      let start = try position(offset, "write back")
      guard let length = Int64(exactly: count) else { throw SystemCall.failure(EFBIG, "write back", path) }
      do throws(StorageError) {
        // Never with a flag that waits: a wait takes the error of an earlier write from the sync that is to
        // report it.
        _ = try SystemCall.run("write back", path) { cairn_start_writeback(descriptor, Int64(start), length) }
      } catch {
        // The file is lost, and better sooner than later. Anything else says only that there is no such hint.
        if error.code == .full || error.systemError == EIO { throw error }
      }
    #else
      try checkOpen("write back")
    #endif
  }

  func truncate(to size: UInt64) throws(StorageError) {
    let length = try position(size, "truncate")
    _ = try SystemCall.run("truncate", path) { ftruncate(descriptor, length) }
  }

  func preallocate(_ size: UInt64) throws(StorageError) {
    let length = try position(size, "preallocate")
    if length == 0 { return }
    do throws(StorageError) {
      #if canImport(Darwin)
        var status = stat()
        _ = try SystemCall.run("preallocate", path) { fstat(descriptor, &status) }
        // F_PEOFPOSMODE counts from the last allocated block.
        let missing = length - off_t(status.st_blocks) * 512
        if missing <= 0 { return }
        var request = fstore_t(
          fst_flags: UInt32(F_ALLOCATEALL), fst_posmode: F_PEOFPOSMODE, fst_offset: 0, fst_length: missing,
          fst_bytesalloc: 0)
        _ = try SystemCall.run("preallocate", path) { fcntl(descriptor, F_PREALLOCATE, &request) }
      #else
        _ = try SystemCall.run("preallocate", path) { cairn_preallocate(descriptor, Int64(length)) }
      #endif
    } catch {
      if error.systemError == EOPNOTSUPP || error.systemError == ENOTSUP || error.systemError == ENOSYS {
        return
      }
      throw error
    }
  }

  func size() throws(StorageError) -> UInt64 {
    try information().size
  }

  /// Reports what the file system has to say at the end (a network file system writes only now), and
  /// refuses every later call. Closing a duplicate asks the file system just the same; the descriptor
  /// itself goes with the object.
  func close() throws(StorageError) {
    if isClosed.exchange(true, ordering: .acquiringAndReleasing) { return }
    let duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    // Without a free descriptor for it, the file is closed as silently as by its last reference.
    if duplicate >= 0 { try SystemCall.close(duplicate, path) }
  }

  /// What the open file is.
  func information() throws(StorageError) -> FileInformation {
    try checkOpen("examine")
    var status = stat()
    _ = try SystemCall.run("examine", path) { fstat(descriptor, &status) }
    return FileInformation(status)
  }

  /// Makes what an open file or directory holds durable.
  static func flush(
    _ descriptor: Int32, includingMetadata: Bool, _ operation: StaticString, _ path: String
  ) throws(StorageError) {
    #if canImport(Darwin)
      do throws(StorageError) {
        // fsync on macOS leaves the data in the drive's cache.
        _ = try SystemCall.run(operation, path) { fcntl(descriptor, F_FULLFSYNC, 0) }
      } catch {
        // Only where there is no such call does fsync have to do; a real failure is not tried again.
        guard error.systemError == ENOTSUP || error.systemError == EINVAL || error.systemError == ENOTTY
        else {
          throw error
        }
        _ = try SystemCall.run(operation, path) { fsync(descriptor) }
      }
    #else
      _ = try SystemCall.run(operation, path) {
        includingMetadata ? fsync(descriptor) : fdatasync(descriptor)
      }
    #endif
  }

  private func checkOpen(_ operation: StaticString) throws(StorageError) {
    if isClosed.load(ordering: .acquiring) { throw SystemCall.failure(EBADF, operation, path) }
  }

  /// Checks that the file is open, and that the system can count that far.
  private func position(_ offset: UInt64, _ operation: StaticString) throws(StorageError) -> off_t {
    try checkOpen(operation)
    guard let position = off_t(exactly: offset) else { throw SystemCall.failure(EFBIG, operation, path) }
    return position
  }
}
