import CairnEngine
import CairnKV
import CairnTesting
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The simulated file system and the real one answer alike, errors included.
@Suite struct DifferentialTests {
  /// Both file systems, with what is open in each, side by side.
  private final class Pair {
    let real = POSIXFileSystem()
    let simulated = SimulatedFileSystem()
    let base: String
    var files: [(real: any File, simulated: any File)] = []
    var locks: [(real: any FileLock, simulated: any FileLock)] = []

    init(base: String) throws {
      self.base = base
      // The base stands in both, so that paths are the same.
      var path = ""
      for part in base.split(separator: "/") {
        path += "/" + part
        try simulated.createDirectory(path)
      }
    }

    /// What an operation gives, or its code and error number.
    func outcome(_ body: () throws(StorageError) -> String) -> String {
      do throws(StorageError) {
        return try body()
      } catch {
        return "\(error.code) \(error.systemError ?? 0) \(error.file ?? "")"
      }
    }

    func compare(_ body: (any FileSystem) throws(StorageError) -> String) -> (String, String) {
      (
        outcome { () throws(StorageError) in try body(real) },
        outcome { () throws(StorageError) in try body(simulated) }
      )
    }

    func compareFile(_ index: Int, _ body: (any File) throws(StorageError) -> String) -> (String, String) {
      let pair = files[index]
      return (
        outcome { () throws(StorageError) in try body(pair.real) },
        outcome { () throws(StorageError) in try body(pair.simulated) }
      )
    }

    /// Makes one operation in both, and says what it was and what each answered.
    func step(_ random: inout SeededGenerator) -> (operation: String, real: String, simulated: String) {
      let names = [
        "a", "b", "c", "d", "d/a", "d/b", "e", "e/a", "e/d", "a/x", "./b", "d/../c", "none/x", "d/e", "d/e/f",
      ]
      func path() -> String { base + "/" + (names.randomElement(using: &random) ?? "a") }
      let kind = Int.random(in: 0..<24, using: &random)
      let (first, second) = (path(), path())
      if kind < 10 {
        let answers: (String, String)
        switch kind {
        case 0:
          answers = compare { system throws(StorageError) in
            try system.createDirectory(first)
            return "done"
          }
        case 1, 2:
          answers = compare { system throws(StorageError) in
            try system.rename(first, to: second)
            return "done"
          }
        case 3:
          answers = compare { system throws(StorageError) in
            try system.link(first, to: second)
            return "done"
          }
        case 4:
          answers = compare { system throws(StorageError) in
            try system.remove(first)
            return "done"
          }
        case 5, 6: answers = compare { system throws(StorageError) in "\(try system.list(first))" }
        case 7, 8:
          answers = compare { system throws(StorageError) in
            guard let information = try system.information(at: first) else { return "none" }
            // A real directory has some size or other.
            return information.isDirectory ? "directory" : "file \(information.size)"
          }
        default:
          answers = compare { system throws(StorageError) in
            try system.synchronizeDirectory(first)
            return "done"
          }
        }
        return ("\(kind) \(first) \(second)", answers.0, answers.1)
      }
      if kind < 14 || files.isEmpty {
        return open(
          first, [.read, .readWrite, .readWriteThrough, .create].randomElement(using: &random) ?? .create)
      }
      let index = Int.random(in: 0..<files.count, using: &random)
      let offset = UInt64.random(in: 0..<(random.next() % 4 == 0 ? 70_000 : 600), using: &random)
      let size = Int.random(in: 0..<(random.next() % 4 == 0 ? 40_000 : 600), using: &random)
      let bytes = [UInt8](repeating: UInt8.random(in: 1...255, using: &random), count: size)
      let answers: (String, String)
      switch kind {
      case 14, 15:
        answers = compareFile(index) { file throws(StorageError) in
          "\(try file.readBytes(size, at: offset).hashValue)"
        }
      case 16, 17:
        answers = compareFile(index) { file throws(StorageError) in
          try file.writeBytes(bytes, at: offset)
          return "done"
        }
      case 18:
        answers = compareFile(index) { file throws(StorageError) in
          try file.truncate(to: offset)
          return "done"
        }
      case 19: answers = compareFile(index) { file throws(StorageError) in "\(try file.size())" }
      case 20:
        answers = compareFile(index) { file throws(StorageError) in
          try file.preallocate(offset)
          try file.synchronize()
          return "done"
        }
      case 21, 22:
        // Whole pages, most of the time: those go past the system's cache.
        let pages = Int.random(in: 0...3, using: &random)
        let start = random.next() % 4 == 0 ? offset : UInt64(4096 * Int.random(in: 0..<10, using: &random))
        answers = compareFile(index) { file throws(StorageError) in
          let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096 * pages, alignment: 4096)
          defer { memory.deallocate() }
          memory.initializeMemory(as: UInt8.self, repeating: UInt8(truncatingIfNeeded: size | 1))
          try file.writeThrough(UnsafeRawBufferPointer(memory), at: start)
          return "done"
        }
      default:
        answers = compareFile(index) { file throws(StorageError) in
          try file.close()
          return "done"
        }
        if files.count > 3 { files.remove(at: index) }
      }
      return ("\(kind) file \(index) \(size) bytes at \(offset)", answers.0, answers.1)
    }

    private func open(_ path: String, _ mode: FileOpenMode) -> (
      operation: String, real: String, simulated: String
    ) {
      var opened: [any File] = []
      let answers = compare { system throws(StorageError) in
        opened.append(try system.openFile(path, mode))
        return "open"
      }
      if opened.count == 2 { files.append((opened[0], opened[1])) }
      return ("open \(path) \(mode)", answers.0, answers.1)
    }
  }

  @Test(arguments: UInt64(0)..<12) func bothAnswerAlike(seed: UInt64) throws {
    var template = Array(
      ((getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp") + "/cairn-test-XXXXXX").utf8CString)
    try #require(mkdtemp(&template) != nil)
    let base = template.withUnsafeBufferPointer { buffer in
      buffer.baseAddress.map { String(cString: $0) } ?? ""
    }
    defer { system("rm -rf '\(base)'") }
    let pair = try Pair(base: base)
    var random = SeededGenerator(seed: seed)
    for number in 0..<1000 {
      let (operation, real, simulated) = pair.step(&random)
      try #require(real == simulated, "seed \(seed), step \(number): \(operation)")
    }
  }
}
