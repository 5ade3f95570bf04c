import Foundation

/// A folder for one test; `remove()` it at the end.
struct TemporaryFolder {
  let path: String

  init() throws {
    let base = FileManager.default.temporaryDirectory
    path = base.appendingPathComponent("cairn-demo-test-\(UUID().uuidString)").resolvingSymlinksInPath().path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  func write(_ bytes: [UInt8], to name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
  }

  func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
