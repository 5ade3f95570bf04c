import Foundation

/// The files of this repository, as the tests of its style see them.
enum Repository {
  /// A text file: its path from the repository's root, and its lines.
  struct SourceFile {
    let path: String
    let lines: [String]

    init(_ path: String, _ text: String) {
      self.path = path
      lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }
  }

  static let root: URL = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Every Swift file below a folder of the root.
  static func swiftFiles(below folder: String) throws -> [SourceFile] {
    try files(below: folder).filter { $0.hasSuffix(".swift") }.map { path in
      SourceFile(path, try text(of: path))
    }
  }

  /// The text of a file.
  static func text(of path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// The paths of all files below a folder of the root, but for what is built.
  static func files(below folder: String) throws -> [String] {
    let base = folder.isEmpty ? root : root.appending(path: folder)
    guard let walk = FileManager.default.enumerator(atPath: base.path(percentEncoded: false)) else {
      return []
    }
    var found: [String] = []
    while let name = walk.nextObject() as? String {
      if name.hasSuffix(".build") || name == ".build-fuzz" || name == ".git" {
        walk.skipDescendants()
        continue
      }
      var isDirectory: ObjCBool = false
      let path = base.appending(path: name).path(percentEncoded: false)
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue
      else { continue }
      found.append(folder.isEmpty ? name : folder + "/" + name)
    }
    return found.sorted()
  }
}

/// Something in a file that the project's rules do not allow.
struct Finding: CustomStringConvertible, Equatable {
  let path: String
  let line: Int
  let what: String

  var description: String { "\(path):\(line): \(what)" }
}
