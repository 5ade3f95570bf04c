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

  @Test func anotherProgramIsHeardOrItsFailureIs() throws {
    #expect(try Command.output("echo", ["a", "b c"]) == "a b c\n")
    #expect(throws: Command.Failure.self) { try Command.output("false", []) }
    #expect(throws: Command.Failure.self) { try Command.output("no-such-program-anywhere", []) }
  }
}
