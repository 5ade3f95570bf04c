import BenchmarkKit
import Foundation
import Testing

@Suite struct ScratchFolderTests {
  @Test func itCountsWhatFilesTakeAndGoesWithThem() throws {
    let path: String
    do {
      let folder = try ScratchFolder(below: NSTemporaryDirectory(), "cairn-benchmark-tests")
      path = folder.path
      #expect(try folder.bytesOnDisk() == 0)
      try FileManager.default.createDirectory(atPath: path + "/inner", withIntermediateDirectories: false)
      for name in ["a", "inner/b"] {
        try Data(repeating: 7, count: 1 << 20).write(to: URL(filePath: path + "/" + name))
      }
      let bytes = try folder.bytesOnDisk()
      #expect(bytes >= 2 << 20 && bytes < 3 << 20, "\(bytes)")
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/self/maps")))
  func whatTheSystemSaysIsReadToItsEnd() throws {
    // A test has more libraries than fit in one page of it, and the last line is always the same.
    let text = try #require(SystemText.read("/proc/self/maps"))
    #expect(text.utf8.count > 4096 && text.contains("[stack]"))
    #expect(SystemText.read("/proc/no-such-file") == nil)
  }

  @Test func anotherProgramIsHeardOrItsFailureIs() throws {
    #expect(try Command.output("echo", ["a", "b c"]) == "a b c\n")
    #expect(throws: Command.Failure.self) { try Command.output("false", []) }
    #expect(throws: Command.Failure.self) { try Command.output("no-such-program-anywhere", []) }
  }
}
