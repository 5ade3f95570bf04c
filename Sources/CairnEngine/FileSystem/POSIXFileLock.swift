// The lock that keeps a store to one process, and within it to one handle.
//
// It is `flock` and not a record lock (`fcntl`): a record lock does not exclude the same process, and goes
// when any descriptor of the file is closed. The system lets go of it with the process, however that ends,
// so a lock never has to be broken by hand.
//
// The file stays when the lock goes. Were it removed, one process could hold the lock on the nameless old
// file while another locks a new file of the same name, and both would have the store.

import CairnKV
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

final class POSIXFileLock: FileLock {
  private static let noDescriptor: Int32 = -1

  /// Only creation, ``release()`` and deinit touch it, and the exchange lets only one of them close it.
  private let descriptor: Atomic<Int32>

  /// Takes the lock, or says who has it.
  init(_ path: String) throws(StorageError) {
    let opened = try SystemCall.run("open lock file", path: path) {
      open($0, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
    }
    do throws(StorageError) {
      try Self.take(opened, path)
    } catch {
      let holder = error.systemError == EWOULDBLOCK ? Self.readHolder(opened, path) : nil
      SystemCall.closeSilently(opened)
      guard error.systemError == EWOULDBLOCK else { throw error }
      throw Self.lockedError(path, holder)
    }
    descriptor = Atomic(opened)
    Self.writeHolder(opened, path)
  }

  /// Takes the lock. Who asks whether it is held shares it for a moment, which is no reason to fail: where it can be
  /// shared nobody has it.
  private static func take(_ descriptor: Int32, _ path: String) throws(StorageError) {
    var attempts = 0
    while true {
      do throws(StorageError) {
        _ = try SystemCall.run("lock", path) { flock(descriptor, LOCK_EX | LOCK_NB) }
        return
      } catch {
        attempts += 1
        guard error.systemError == EWOULDBLOCK, attempts < greatestAttempts, try canShare(descriptor, path)
        else { throw error }
        usleep(attemptMicroseconds)
      }
    }
  }

  /// Five seconds in all: a process that looks may be held up in the midst of it.
  private static let greatestAttempts = 10_000
  private static let attemptMicroseconds: UInt32 = 500

  /// Whether nobody holds the lock alone.
  private static func canShare(_ descriptor: Int32, _ path: String) throws(StorageError) -> Bool {
    do throws(StorageError) {
      _ = try SystemCall.run("lock", path) { flock(descriptor, LOCK_SH | LOCK_NB) }
    } catch {
      guard error.systemError == EWOULDBLOCK else { throw error }
      return false
    }
    _ = try SystemCall.run("unlock", path) { flock(descriptor, LOCK_UN) }
    return true
  }

  /// Whether somebody holds the lock.
  static func isHeld(_ path: String) throws(StorageError) -> Bool {
    let descriptor: Int32
    do throws(StorageError) {
      descriptor = try SystemCall.run("open lock file", path: path) {
        open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
      }
    } catch {
      if error.systemError == ENOENT { return false }
      throw error
    }
    defer { SystemCall.closeSilently(descriptor) }
    return try !canShare(descriptor, path)
  }

  deinit { release() }

  func release() {
    let held = descriptor.exchange(Self.noDescriptor, ordering: .acquiringAndReleasing)
    if held == Self.noDescriptor { return }
    // A child forked without exec shares the lock: closing alone would leave it held.
    _ = flock(held, LOCK_UN)
    SystemCall.closeSilently(held)
  }

  private static func lockedError(_ path: String, _ holder: Int32?) -> StorageError {
    let who =
      switch holder {
      case getpid()?:
        // Two containers that share a directory may each call their process 1.
        "in this process, or in one of the same id, \(getpid()), in another container; close it there first"
      case let process?: "in process \(process); only one process at a time can open it"
      case nil: "in another process; only one process at a time can open it"
      }
    let store = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? "."
    return StorageError(
      .locked, "the store \"\(store)\" is open \(who)", file: path, systemError: EWOULDBLOCK, holder: holder)
  }

  /// Leaves the process's id for whoever finds the file locked. It tells a person where to look and decides
  /// nothing, so that a full disk, where this fails, does not keep the store from being opened and cleaned
  /// up.
  private static func writeHolder(_ descriptor: Int32, _ path: String) {
    let text = Array("\(getpid())\n".utf8)
    do throws(StorageError) {
      _ = try SystemCall.run("truncate", path) { ftruncate(descriptor, 0) }
      _ = try SystemCall.run("write", path) { pwrite(descriptor, text, text.count, 0) }
    } catch {}
  }

  /// The process id in the file; `nil` when what is there is not one.
  private static func readHolder(_ descriptor: Int32, _ path: String) -> Int32? {
    var bytes: [UInt8] = Array(repeating: 0, count: 16)
    let count = (try? SystemCall.run("read", path) { pread(descriptor, &bytes, 16, 0) }) ?? 0
    guard count > 1, bytes[count - 1] == UInt8(ascii: "\n") else { return nil }
    guard let holder = Int32(String(decoding: bytes[..<(count - 1)], as: UTF8.self)), holder > 0 else {
      return nil
    }
    return holder
  }
}
