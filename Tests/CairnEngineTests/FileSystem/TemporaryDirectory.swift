import CairnKV

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A directory for one test, removed with what is in it, two levels deep.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array((base + "/cairn-test-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else {
      throw StorageError(.inputOutput, "cannot create a directory in \(base)", systemError: errno)
    }
    path = template.withUnsafeBufferPointer { buffer in buffer.baseAddress.map { String(cString: $0) } ?? "" }
  }

  deinit { Self.removeAll(path, depth: 2) }

  /// The path of `name` in the directory.
  subscript(_ name: String) -> String { path + "/" + name }

  private static func removeAll(_ path: String, depth: Int) {
    if depth > 0, let stream = opendir(path) {
      while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
        }
        if name != ".", name != "..", unlink(path + "/" + name) != 0 {
          removeAll(path + "/" + name, depth: depth - 1)
        }
      }
      closedir(stream)
    }
    rmdir(path)
  }
}
