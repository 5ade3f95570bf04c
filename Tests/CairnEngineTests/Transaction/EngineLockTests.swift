import CairnKV
import Testing

@testable import CairnEngine

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite struct EngineLockTests {
  private let directory: TemporaryDirectory
  private var path: String { directory["store"] }

  init() throws { directory = try TemporaryDirectory() }

  private func refusal() throws -> StorageError {
    try #require(#expect(throws: StorageError.self) { _ = try Engine.open(at: path) })
  }

  @Test func aSecondHandleInTheProcessIsRefused() throws {
    let engine = try Engine.open(at: path)
    try engine.write { try $0.set([1], to: [1]) }
    let error = try refusal()
    #expect(error.code == .locked)
    #expect(error.holder == getpid())
    #expect(try engine.get([1]) == [1])
    try engine.close()
    let again = try Engine.open(at: path)
    #expect(try again.get([1]) == [1])
    #expect(try refusal().holder == getpid())
  }

  @Test func anEngineThatGoesLetsGoOfTheStore() throws {
    var engine: Engine? = try Engine.open(at: path)
    try engine?.write { try $0.set([1], to: [1]) }
    #expect(try refusal().code == .locked)
    engine = nil
    #expect(try Engine.open(at: path).get([1]) == [1])
  }

  @Test func anOpeningThatFailsLetsGoOfTheStore() throws {
    try Engine.open(at: path).close()
    let system = POSIXFileSystem()
    try system.rename(path + "/MANIFEST", to: path + "/elsewhere")
    try system.openFile(path + "/MANIFEST", .create).writeBytes([1, 2, 3], at: 0)
    #expect(try refusal().code == .corruption)
    #expect(try refusal().code == .corruption)
    try system.rename(path + "/elsewhere", to: path + "/MANIFEST")
    try Engine.open(at: path).close()
  }

  /// Another process has the store until it is killed.
  @Test(.enabled(if: hasPython, "needs python3")) func anotherProcessExcludesUntilItDies() throws {
    let engine = try Engine.open(at: path)
    try engine.write { try $0.set([1], to: [1]) }
    let attempt = """
      import fcntl, sys
      try: fcntl.flock(open(sys.argv[1], "r+"), fcntl.LOCK_EX | fcntl.LOCK_NB)
      except BlockingIOError: sys.exit(7)
      """
    let other = try #require(popen("exec python3 -c '\(attempt)' '\(path)/LOCK'", "r"))
    #expect(pclose(other) >> 8 & 0xFF == 7)
    try engine.close()

    let script = """
      import fcntl, os, signal, sys
      f = open(sys.argv[1], "r+")
      fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
      f.truncate(0); f.write(f"{os.getpid()}\\n"); f.flush()
      print(os.getpid(), flush=True)
      signal.pause()
      """
    let stream = try #require(popen("exec python3 -c '\(script)' '\(path)/LOCK'", "r"))
    var line = [CChar](repeating: 0, count: 32)
    let isRead = fgets(&line, 32, stream) != nil
    try #require(isRead)
    let text = String(decoding: line.prefix { $0 > 32 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let process = try #require(Int32(text))
    let error = try refusal()
    #expect(error.code == .locked)
    #expect(error.holder == process)
    #expect(kill(process, SIGKILL) == 0)
    pclose(stream)
    #expect(try Engine.open(at: path).get([1]) == [1])
  }
}

private let hasPython = system("python3 -c '' >/dev/null 2>&1") == 0
