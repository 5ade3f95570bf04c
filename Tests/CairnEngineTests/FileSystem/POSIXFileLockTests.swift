import CairnEngine
import CairnKV
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite struct POSIXFileLockTests {
  let directory: TemporaryDirectory
  let system = POSIXFileSystem()

  init() throws { directory = try TemporaryDirectory() }

  private func refusal() -> StorageError? {
    #expect(throws: StorageError.self) { _ = try system.lock(directory["LOCK"]) }
  }

  @Test func aSecondLockInThisProcessIsRefused() throws {
    let lock = try system.lock(directory["LOCK"])
    let error = try #require(refusal())
    #expect(error.code == .locked)
    #expect(error.holder == getpid())
    #expect(error.file == directory["LOCK"])
    #expect(error.message.contains("in this process"))
    #expect(error.message.contains(directory.path))
    lock.release()
    lock.release()
    try system.lock(directory["LOCK"]).release()
    #expect(try system.list(directory.path) == ["LOCK"])
  }

  @Test func theLockGoesWithItsLastReference() throws {
    var lock: (any FileLock)? = try system.lock(directory["LOCK"])
    #expect(lock != nil)
    lock = nil
    try system.lock(directory["LOCK"]).release()
  }

  @Test(arguments: ["", "\n", "garbage\n", "12", "-5\n", "0\n", "99999999999999\n", "1\n2\n"])
  func anUnreadableHolderIsUnknown(text: String) throws {
    let lock = try system.lock(directory["LOCK"])
    let file = try system.openFile(directory["LOCK"], .readWrite)
    try file.truncate(to: 0)
    try file.writeBytes(Array(text.utf8), at: 0)
    let error = try #require(refusal())
    #expect(error.code == .locked)
    #expect(error.holder == nil)
    lock.release()
  }

  @Test func anOlderLongerHolderIsOverwritten() throws {
    try system.openFile(directory["LOCK"], .create).writeBytes(Array("1234567890123\n".utf8), at: 0)
    let lock = try system.lock(directory["LOCK"])
    #expect(refusal()?.holder == getpid())
    lock.release()
  }

  @Test func aDirectoryIsNotLocked() throws {
    try system.createDirectory(directory["LOCK"])
    #expect(refusal()?.systemError == EISDIR)
  }

  /// Takes the lock in a process of its own, which says its id and waits to be killed. Needs python3.
  @Test(.enabled(if: hasPython, "needs python3"))
  func anotherProcessIsExcludedUntilItDies() throws {
    let script = """
      import fcntl, os, signal, sys
      f = open(sys.argv[1], "w")
      fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
      f.write(f"{os.getpid()}\\n"); f.flush()
      print(os.getpid(), flush=True)
      signal.pause()
      """
    let stream = try #require(popen("exec python3 -c '\(script)' '\(directory["LOCK"])'", "r"))
    var line = [CChar](repeating: 0, count: 32)
    let isRead = fgets(&line, 32, stream) != nil
    let text = String(decoding: line.prefix { $0 > 32 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try #require(isRead)
    let process = try #require(Int32(text))

    let error = try #require(refusal())
    #expect(error.code == .locked)
    #expect(error.holder == process)
    #expect(error.message.contains("in process \(process)"))

    // Died as by a power cut, it leaves its id in the file, and no lock.
    #expect(kill(process, SIGKILL) == 0)
    pclose(stream)
    let lock = try system.lock(directory["LOCK"])
    #expect(refusal()?.holder == getpid())

    let attempt = """
      import fcntl, sys
      try: fcntl.flock(open(sys.argv[1], "r+"), fcntl.LOCK_EX | fcntl.LOCK_NB)
      except BlockingIOError: sys.exit(7)
      """
    let other = try #require(popen("exec python3 -c '\(attempt)' '\(directory["LOCK"])'", "r"))
    #expect(pclose(other) >> 8 & 0xFF == 7)
    lock.release()
  }
}

private let hasPython = system("python3 -c '' >/dev/null 2>&1") == 0
