import Foundation

/// A fresh folder for a soak to work in, which is removed at the end unless something is to be looked at.
struct SoakFolder {
  let path: String

  /// Makes the folder, below `parent` if given, else below `.build` of the current directory, which is on
  /// the disk that one works on, or else below the system's temporary directory.
  init(below parent: String?, name: String = "cairn-soak") throws(CommandFailure) {
    let files = FileManager.default
    var isDirectory: ObjCBool = false
    let base: String
    if let parent {
      base = parent
    } else if files.fileExists(atPath: ".build", isDirectory: &isDirectory), isDirectory.boolValue {
      base = files.currentDirectoryPath + "/.build"
    } else {
      base = files.temporaryDirectory.path
    }
    path = base + "/\(name)-" + UUID().uuidString.prefix(8).lowercased()
    do {
      try files.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw CommandFailure("can't make the folder \(shown(path)): \(error.localizedDescription)")
    }
  }

  /// Removes everything in it, and it.
  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
