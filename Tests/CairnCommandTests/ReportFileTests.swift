import Foundation
import Testing

@testable import CairnCommand

@Suite struct ReportFileTests {
  @Test func writesAnewAndOverWithoutLeavingAnything() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let path = folder.path + "/report.txt"
    for text in ["first, and longer\n", "second\n"] {
      // As a killed run may have left it.
      let file = try ReportFile(path: path)
      try folder.write("half a rep", to: URL(fileURLWithPath: file.temporaryPath).lastPathComponent)
      try file.write(text)
      #expect(FileManager.default.contents(atPath: path) == Data(text.utf8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["report.txt"])
    }
  }

  @Test func linkStaysALink() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    try folder.write("old", to: "target")
    #expect(symlink("target", folder.path + "/link") == 0)
    try ReportFile(path: folder.path + "/link").write("new")
    #expect(FileManager.default.contents(atPath: folder.path + "/target") == Data("new".utf8))
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.path + "/link") == "target")
  }

  @Test func deviceStaysADevice() throws {
    try ReportFile(path: "/dev/null").write("text")
    var status = stat()
    #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
  }

  @Test func wrongPathsAreFailuresBeforeTheWork() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    try folder.write("x", to: "file")
    for path in [folder.path, folder.path + "/none/report", folder.path + "/file/report"] {
      #expect(throws: CommandFailure.self) { try ReportFile(path: path) }
    }
  }

  @Test func fullDiskIsAFailure() throws {
    guard access("/dev/full", W_OK) == 0 else { return }
    let file = try ReportFile(path: "/dev/full")
    #expect(throws: CommandFailure.self) { try file.write("text") }
  }
}
