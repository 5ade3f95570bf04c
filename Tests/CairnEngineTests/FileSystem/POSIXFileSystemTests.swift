import CairnEngine
import CairnKV
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

extension File {
  func readBytes(_ count: Int, at offset: UInt64) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: count)
    let done = try bytes.withUnsafeMutableBytes { buffer in try read(into: buffer, at: offset) }
    return Array(bytes[..<done])
  }

  func writeBytes(_ bytes: [UInt8], at offset: UInt64) throws {
    try bytes.withUnsafeBytes { buffer in try write(buffer, at: offset) }
  }
}

@Suite struct POSIXFileSystemTests {
  let directory: TemporaryDirectory
  let system = POSIXFileSystem()

  init() throws { directory = try TemporaryDirectory() }

  private func failure(_ body: () throws -> Void) -> StorageError? {
    #expect(throws: StorageError.self) { try body() }
  }

  @Test func whatIsWrittenIsReadBack() throws {
    let file = try system.openFile(directory["a"], .create)
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try file.writeBytes(bytes, at: 5)
    try file.synchronize()
    try system.synchronizeDirectory(directory.path)
    #expect(try file.size() == 100_005)
    #expect(try file.readBytes(100_005, at: 0) == [0, 0, 0, 0, 0] + bytes)
    let again = try system.openFile(directory["a"], .read)
    #expect(try again.readBytes(10, at: 1005) == Array(bytes[1000..<1010]))
    #expect(again.path == directory["a"])
  }

  /// Whichever way each write goes, all of them are seen, in order.
  @Test func whatIsWrittenThroughAndWhatIsNotAreOneFile() throws {
    try system.openFile(directory["a"], .create).writeBytes([UInt8](repeating: 1, count: 20_000), at: 0)
    let file = try system.openFile(directory["a"], .readWriteThrough)
    #expect(try file.readBytes(1, at: 4096) == [1])
    let pages = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 4096)
    defer { pages.deallocate() }
    pages.initializeMemory(as: UInt8.self, repeating: 2)
    try file.writeThrough(UnsafeRawBufferPointer(pages), at: 4096)
    try file.writeBytes([3], at: 5000)
    try file.writeThrough(UnsafeRawBufferPointer(rebasing: pages[..<100]), at: 6000)
    // Beyond the end.
    try file.writeThrough(UnsafeRawBufferPointer(pages), at: 40_960)
    var expected = [UInt8](repeating: 1, count: 20_000) + [UInt8](repeating: 0, count: 29_152)
    for place in Array(4096..<12_288) + Array(40_960..<49_152) { expected[place] = 2 }
    expected[5000] = 3
    #expect(try system.openFile(directory["a"], .read).readBytes(100_000, at: 0) == expected)
    try file.close()
    #expect(
      failure { try file.writeThrough(UnsafeRawBufferPointer(pages), at: 0) }?.systemError == EBADF)
  }

  @Test func readingStopsAtTheEnd() throws {
    let file = try system.openFile(directory["a"], .create)
    try file.writeBytes([1, 2, 3], at: 0)
    #expect(try file.readBytes(10, at: 1) == [2, 3])
    #expect(try file.readBytes(10, at: 3) == [])
    #expect(try file.readBytes(10, at: 1 << 40) == [])
    #expect(try file.readBytes(0, at: 0) == [])
  }

  @Test(arguments: [UInt64(Int64.max) + 1, .max]) func offsetsBeyondTheSystemsAreRefused(offset: UInt64)
    throws
  {
    let file = try system.openFile(directory["a"], .create)
    #expect(failure { _ = try file.readBytes(1, at: offset) }?.systemError == EFBIG)
    #expect(failure { try file.writeBytes([1], at: offset) }?.systemError == EFBIG)
    #expect(failure { try file.truncate(to: offset) }?.systemError == EFBIG)
    #expect(failure { try file.preallocate(offset) }?.systemError == EFBIG)
    #expect(failure { try file.writeBytes([1, 2], at: UInt64(Int64.max)) } != nil)
  }

  @Test func truncatingCutsAndGrowsWithZeros() throws {
    let file = try system.openFile(directory["a"], .create)
    try file.writeBytes([1, 2, 3, 4], at: 0)
    try file.truncate(to: 2)
    try file.truncate(to: 5)
    #expect(try file.readBytes(9, at: 0) == [1, 2, 0, 0, 0])
  }

  @Test func preallocatingLeavesTheSizeAlone() throws {
    let file = try system.openFile(directory["a"], .create)
    try file.preallocate(0)
    try file.preallocate(1 << 20)
    #expect(try file.size() == 0)
  }

  @Test func creatingNeedsANewName() throws {
    _ = try system.openFile(directory["a"], .create)
    let error = try #require(failure { _ = try system.openFile(directory["a"], .create) })
    #expect(error.code == .inputOutput)
    #expect(error.systemError == EEXIST)
    #expect(error.file == directory["a"])
    #expect(error.message == "cannot create \"\(directory["a"])\": File exists")
  }

  @Test(arguments: [FileOpenMode.read, .readWrite, .readWriteThrough])
  func openingNeedsAFile(mode: FileOpenMode) throws {
    let missing = try #require(failure { _ = try system.openFile(directory["none"], mode) })
    #expect(missing.message == "cannot open \"\(directory["none"])\": No such file or directory")
    #expect(missing.systemError == ENOENT)
    #expect(failure { _ = try system.openFile(directory.path, mode) }?.systemError == EISDIR)
    #expect(failure { _ = try system.openFile(directory["a\0b"], mode) }?.systemError == EINVAL)
  }

  @Test func aPipeInPlaceOfAFileFailsAndDoesNotHang() throws {
    try #require(mkfifo(directory["pipe"], 0o600) == 0)
    let file = try system.openFile(directory["pipe"], .read)
    #expect(failure { _ = try file.readBytes(1, at: 0) }?.systemError == ESPIPE)
  }

  @Test func aFileOpenedForReadingIsNotWritten() throws {
    try system.openFile(directory["a"], .create).close()
    let file = try system.openFile(directory["a"], .read)
    #expect(failure { try file.writeBytes([1], at: 0) }?.systemError == EBADF)
  }

  @Test func permissionsAreThoseOfTheOwnerAlone() throws {
    _ = try system.openFile(directory["a"], .create)
    try system.createDirectory(directory["d"])
    for (name, mode) in [("a", S_IFREG | 0o600), ("d", S_IFDIR | 0o700)] {
      var status = stat()
      try #require(stat(directory[name], &status) == 0)
      #expect(status.st_mode == mode)
    }
  }

  @Test func withoutPermissionNothingOpens() throws {
    try system.openFile(directory["a"], .create).close()
    try #require(chmod(directory["a"], 0) == 0)
    // Nothing is forbidden to root.
    if getuid() == 0 { return }
    #expect(failure { _ = try system.openFile(directory["a"], .read) }?.systemError == EACCES)
  }

  @Test func directoriesAreCreatedOnceOrFoundThere() throws {
    try system.createDirectory(directory["d"])
    try system.createDirectory(directory["d"])
    try system.openFile(directory["a"], .create).close()
    #expect(failure { try system.createDirectory(directory["a"]) }?.systemError == EEXIST)
    #expect(failure { try system.createDirectory(directory["x/y"]) }?.systemError == ENOENT)
  }

  @Test func namesAreMovedSharedAndRemoved() throws {
    let file = try system.openFile(directory["a"], .create)
    try file.writeBytes([7], at: 0)
    try system.openFile(directory["b"], .create).close()
    try system.rename(directory["a"], to: directory["b"])
    try system.link(directory["b"], to: directory["c"])
    #expect(try system.list(directory.path) == ["b", "c"])
    #expect(failure { try system.link(directory["b"], to: directory["c"]) }?.systemError == EEXIST)
    try system.remove(directory["b"])
    #expect(try system.openFile(directory["c"], .read).readBytes(2, at: 0) == [7])
    #expect(failure { try system.remove(directory["b"]) }?.systemError == ENOENT)
    let error = try #require(failure { try system.rename(directory["b"], to: directory["d"]) })
    #expect(error.message.contains(directory["b"]))
    #expect(error.message.contains(directory["d"]))
    #expect(error.systemError == ENOENT)
  }

  @Test func aListingIsSortedAndWhole() throws {
    let names = (0..<500).map { "file-\($0)" }
    for name in names { try system.openFile(directory[name], .create).close() }
    #expect(try system.list(directory.path) == names.sorted())
  }

  @Test func aListingThatFailsThrows() throws {
    #expect(failure { _ = try system.list(directory["none"]) }?.systemError == ENOENT)
    try system.openFile(directory["a"], .create).close()
    #expect(failure { _ = try system.list(directory["a"]) }?.systemError == ENOTDIR)
    #expect(failure { try system.synchronizeDirectory(directory["none"]) }?.systemError == ENOENT)
  }

  @Test func informationSaysWhatIsThere() throws {
    try system.openFile(directory["a"], .create).writeBytes([1, 2, 3], at: 0)
    #expect(try system.information(at: directory["a"]) == FileInformation(isDirectory: false, size: 3))
    #expect(try system.information(at: directory.path)?.isDirectory == true)
    #expect(try system.information(at: directory["none"]) == nil)
    #expect(try system.information(at: directory["a/below"]) == nil)
    let long = String(repeating: "x", count: 5000)
    #expect(failure { _ = try system.information(at: directory[long]) }?.systemError == ENAMETOOLONG)
  }

  @Test func aClosedFileRefusesEveryCall() throws {
    let file = try system.openFile(directory["a"], .create)
    try file.close()
    // Whoever gets the next descriptor must not be written to.
    let other = try system.openFile(directory["b"], .create)
    #expect(failure { try file.writeBytes([1], at: 0) }?.systemError == EBADF)
    #expect(failure { _ = try file.readBytes(1, at: 0) }?.systemError == EBADF)
    #expect(failure { try file.synchronize() }?.systemError == EBADF)
    #expect(failure { try file.truncate(to: 1) }?.systemError == EBADF)
    #expect(failure { _ = try file.size() }?.systemError == EBADF)
    try file.close()
    #expect(try other.size() == 0)
  }

  @Test func filesAreClosedWithTheirLastReference() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let system = POSIXFileSystem()
      try system.openFile(directory["a"], .create).close()
      try limitDescriptors(to: 64)
      for _ in 0..<200 { _ = try system.openFile(directory["a"], .read) }
      for _ in 0..<200 { _ = try system.list(directory.path) }
      for _ in 0..<200 { try system.synchronizeDirectory(directory.path) }
      for _ in 0..<200 { try system.lock(directory["LOCK"]).release() }
      let lock = try system.lock(directory["LOCK"])
      for _ in 0..<200 { #expect(throws: StorageError.self) { _ = try system.lock(directory["LOCK"]) } }
      for _ in 0..<200 {
        #expect(throws: StorageError.self) { _ = try system.openFile(directory.path, .read) }
      }
      lock.release()
    }
  }

  #if os(Linux)
    @Test func aFullDiskIsNamedSo() throws {
      let file = try system.openFile("/dev/full", .readWrite)
      let error = try #require(failure { try file.writeBytes([1], at: 0) })
      #expect(error.code == .full)
      #expect(error.systemError == ENOSPC)
    }
  #endif

  @Test func withoutDescriptorsOpeningFails() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let system = POSIXFileSystem()
      try limitDescriptors(to: 64)
      var files: [any File] = []
      var number: Int32?
      while files.count < 100, number == nil {
        do throws(StorageError) {
          files.append(try system.openFile(directory["f\(files.count)"], .create))
        } catch {
          number = error.systemError
        }
      }
      #expect(number == EMFILE)
      #expect(throws: StorageError.self) { try system.list(directory.path) }
      #expect(throws: StorageError.self) { try system.lock(directory["LOCK"]) }
      #expect(throws: StorageError.self) { try system.synchronizeDirectory(directory.path) }
      try files.last?.close()
      files.removeLast()
      #expect(try system.list(directory.path).count == files.count + 1)
    }
  }
}

/// Lets this process, which is one of an exit test, have few descriptors.
private func limitDescriptors(to count: UInt) throws {
  var limit = rlimit(rlim_cur: rlim_t(count), rlim_max: rlim_t(count))
  #if canImport(Darwin)
    try #require(setrlimit(RLIMIT_NOFILE, &limit) == 0)
  #else
    try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
  #endif
}
