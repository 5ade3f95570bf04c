import CairnEngine
import CairnKV

/// Files in memory: no system call, no waiting, and the same instructions in every run.
///
/// Not the simulated disk of `CairnTesting`, whose book-keeping of what a crash would lose takes more instructions than
/// what is to be counted. Used by one thread.
final class MemoryFileSystem: FileSystem, @unchecked Sendable {
  private var files: [String: MemoryFile] = [:]
  private var directories: Set<String> = []

  func openFile(_ path: String, _ mode: FileOpenMode) throws(StorageError) -> any File {
    if mode == .create {
      guard files[path] == nil else { throw StorageError(.inputOutput, "the file exists", file: path) }
      // A log is read at opening only, and none of these stores is opened twice; to copy it would count for more than
      // the commit that wrote it.
      let isKept = !path.hasSuffix(".log") && !path.hasSuffix(".spare")
      let file = MemoryFile(path, isKept: isKept)
      files[path] = file
      return file
    }
    guard let file = files[path] else {
      throw StorageError(.inputOutput, "there is no such file", file: path)
    }
    return file
  }

  func createDirectory(_ path: String) { directories.insert(path) }

  func rename(_ source: String, to destination: String) throws(StorageError) {
    guard let file = files.removeValue(forKey: source) else {
      throw StorageError(.inputOutput, "there is no such file", file: source)
    }
    files[destination] = file
  }

  func link(_ source: String, to destination: String) throws(StorageError) {
    guard let file = files[source], files[destination] == nil else {
      throw StorageError(.inputOutput, "it cannot be linked", file: source)
    }
    files[destination] = file
  }

  func remove(_ path: String) { files[path] = nil }

  func list(_ directory: String) -> [String] {
    files.keys.filter { $0.hasPrefix(directory + "/") }.map { String($0.dropFirst(directory.count + 1)) }
      .sorted()
  }

  func information(at path: String) -> FileInformation? {
    if directories.contains(path) { return FileInformation(isDirectory: true, size: 0) }
    return files[path].map { FileInformation(isDirectory: false, size: $0.size()) }
  }

  func synchronizeDirectory(_ path: String) {}

  func lock(_ path: String) -> any FileLock { NoLock() }
  func isLocked(_ path: String) -> Bool { false }

  private final class NoLock: FileLock {
    func release() {}
  }
}

/// One file: a piece of memory that doubles when it is too small, or only a length. Every access to the memory is
/// checked against that.
final class MemoryFile: File, @unchecked Sendable {
  let path: String
  private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 4096)
  private var count = 0
  private let isKept: Bool

  init(_ path: String, isKept: Bool) {
    self.path = path
    self.isKept = isKept
  }

  deinit { memory.deallocate() }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int {
    guard isKept else { return 0 }
    let start = min(Int(offset), count)
    let length = min(buffer.count, count - start)
    if length > 0 {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[start..<start + length]))
    }
    return length
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) {
    let end = Int(offset) + bytes.count
    if end > count { grow(to: end) }
    guard isKept else { return }
    UnsafeMutableRawBufferPointer(rebasing: memory[Int(offset)..<end]).copyMemory(from: bytes)
  }

  func synchronize() {}
  func startWriteback(at offset: UInt64, count: UInt64) {}

  func truncate(to size: UInt64) {
    if Int(size) > count { grow(to: Int(size)) } else { count = Int(size) }
  }

  func preallocate(_ size: UInt64) {}
  func size() -> UInt64 { UInt64(count) }
  func close() {}

  private func grow(to size: Int) {
    guard isKept else {
      count = size
      return
    }
    if size > memory.count {
      let larger = UnsafeMutableRawBufferPointer.allocate(
        byteCount: max(size, memory.count * 2), alignment: 4096)
      larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
      memory.deallocate()
      memory = larger
    }
    UnsafeMutableRawBufferPointer(rebasing: memory[count..<size]).initializeMemory(
      as: UInt8.self, repeating: 0)
    count = size
  }
}
