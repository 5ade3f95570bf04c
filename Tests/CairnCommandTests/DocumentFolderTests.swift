import Foundation
import Testing

@testable import CairnCommand

@Suite struct DocumentFolderTests {
  @Test(arguments: 0..<300)
  func escapedPathsTurnBack(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let alphabet = Array("ab/\\x41 \n\u{7f}é€\u{202e}😀".utf8) + [0x80, 0xc0, 0xe2, 0xff]
    let path = DocumentPath(bytes: (0..<random.pick(0...40)).map { _ in random.pick(alphabet) })
    #expect(DocumentPath(escaped: path.escaped) == path, "seed \(seed)")
    #expect(
      path.escaped.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f && $0 != "\u{202e}" })
  }

  @Test(arguments: ["\\", "\\x", "\\x4", "\\n", "\\xzz", "a\\"])
  func brokenEscapesAreRefused(text: String) { #expect(DocumentPath(escaped: text) == nil) }

  @Test func everythingInAFolderIsListedOnceInByteOrder() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let manager = FileManager.default
    try manager.createDirectory(atPath: folder.path + "/b/c", withIntermediateDirectories: true)
    for name in ["z", "a", "b.txt", "b/1", "b/c/2", ".hidden", "Ä", "new\nline"] {
      try folder.write("x", to: name)
    }
    try manager.createSymbolicLink(atPath: folder.path + "/loop", withDestinationPath: folder.path)
    let list = try DocumentFolder(path: folder.path).list()
    let expected = [".hidden", "a", "b.txt", "b/1", "b/c/2", "loop", "new\nline", "z", "Ä"]
    #expect(list.documents == expected.map { DocumentPath($0) })
    #expect(!list.isCut)
  }

  @Test func ownFilesArePassedOver() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    try FileManager.default.createDirectory(
      atPath: folder.path + "/store", withIntermediateDirectories: false)
    for name in ["a", "store/log", "report.txt"] { try folder.write("x", to: name) }
    var documents = try DocumentFolder(path: folder.path)
    documents.excluded = Set(
      ["store", "report.txt"].compactMap { FileIdentity(path: folder.path + "/" + $0) })
    #expect(documents.list().documents == [DocumentPath("a")])
  }

  @Test func wrongPathsAreFailures() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    try folder.write("x", to: "file")
    for path in [folder.path + "/none", folder.path + "/file", folder.path + "/file/x", "/dev/null", ""] {
      #expect(throws: CommandFailure.self) { try DocumentFolder(path: path) }
    }
  }

  @Test func whatIsNoTextIsRefusedWithTheReason() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let path = folder.path
    try folder.write("", to: "empty")
    try folder.write([0x50, 0x4b, 0x03, 0x04, 0x00, 0x01], to: "archive.zip")
    try folder.write([0x1f, 0x8b, 0x08, 0x01, 0xff], to: "packed.gz")
    try FileManager.default.createDirectory(atPath: path + "/folder", withIntermediateDirectories: false)
    #expect(symlink("empty", path + "/link") == 0)
    #expect(symlink("nowhere", path + "/dangling") == 0)
    #expect(mkfifo(path + "/fifo", 0o666) == 0)
    try makeSocket(path + "/socket")
    let reader = DocumentReader(root: Array(path.utf8))
    func reason(_ name: String) -> String? {
      guard case .refused(let reason) = reader.read(DocumentPath(name)) else { return nil }
      return reason
    }
    #expect(reason("empty") == "empty")
    #expect(reason("archive.zip") == "not text: a zero byte at offset 4")
    #expect(reason("packed.gz") == "not text: a control character at offset 0" || reason("packed.gz") != nil)
    #expect(reason("folder") == "a folder that could not be listed")
    #expect(reason("link")?.hasPrefix("a symbolic link") == true)
    #expect(reason("dangling")?.hasPrefix("a symbolic link") == true)
    #expect(reason("fifo")?.hasPrefix("a named pipe") == true)
    #expect(reason("socket") == "a socket")
    #expect(reason("vanished")?.hasPrefix("gone") == true)
    #expect(reason("empty/below")?.hasPrefix("gone") == true)
    #expect(reason(String(repeating: "n", count: 5000))?.hasPrefix("could not be opened") == true)
    let devices = DocumentReader(root: Array("/dev".utf8))
    #expect(devices.read(DocumentPath("null")) == .refused("a device"))
    // Whoever may read everything sees no difference.
    if geteuid() != 0 {
      try folder.write("secret", to: "locked")
      #expect(chmod(path + "/locked", 0) == 0)
      #expect(reason("locked") == "no permission to read it")
    }
  }

  @Test func hugeFilesAreReadInPart() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    // Sparse, 3 GiB, with text before the hole; the hole itself is no text.
    let text = String(repeating: "many words of text\n", count: 60_000)
    try folder.write(text, to: "huge")
    #expect(truncate(folder.path + "/huge", 3 << 30) == 0)
    let content = DocumentReader(root: Array(folder.path.utf8)).read(DocumentPath("huge"))
    guard case .text(let read) = content else {
      Issue.record("refused: \(content)")
      return
    }
    #expect(read.readBytes == DocumentReader.limitBytes)
    #expect(read.documentBytes == 3 << 30)
  }

  @Test(arguments: 1...4)
  func characterCutByTheLimitIsDropped(cut: Int) {
    let bytes = Array("text €😀".utf8)
    let read = Array(bytes.dropLast(cut))
    guard case .text(let text) = DocumentReader.text(of: read, documentBytes: bytes.count) else {
      Issue.record("refused")
      return
    }
    #expect(!text.isLatin1)
    #expect(String(decoding: text.utf8, as: UTF8.self) == "text €")
  }

  @Test func latin1IsReadAsSuch() {
    let content = DocumentReader.text(of: [0x63, 0x61, 0x66, 0xe9], documentBytes: 4)
    #expect(
      content == .text(DocumentText(utf8: Array("café".utf8), documentBytes: 4, readBytes: 4, isLatin1: true))
    )
  }

  private func makeSocket(_ path: String) throws {
    #if canImport(Darwin)
      let kind = SOCK_STREAM
    #else
      let kind = Int32(SOCK_STREAM.rawValue)
    #endif
    let descriptor = socket(AF_UNIX, kind, 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    try #require(bytes.count < MemoryLayout.size(ofValue: address.sun_path))
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0)
  }
}
