import Foundation

/// A folder of documents: which there are, in an order that is the same everywhere.
///
/// Goes into subfolders but never through symbolic links, so it ends and stays inside. Whatever else has a
/// name is listed, also what can't be reviewed: each gets its review or its recorded refusal. A subfolder
/// that can't be listed stands in the list itself, so that its documents aren't left out in silence.
struct DocumentFolder {
  /// How many documents are listed at most: 100,000.
  static let limit = 100_000

  /// The folder, as an absolute path without symbolic links.
  let root: [UInt8]
  /// Files and folders to pass over: the demo's own.
  var excluded: Set<FileIdentity> = []

  /// Finds the folder at `path`.
  /// - Throws: ``CommandFailure`` when there's no folder that can be read.
  init(path: String) throws(CommandFailure) {
    guard let root = Self.resolve(path) else {
      throw CommandFailure("no folder of documents at \(shown(path)): \(String(cString: strerror(errno)))")
    }
    var status = stat()
    guard root.withCString({ stat($0, &status) }) == 0 else {
      throw CommandFailure("can't examine \(shown(path)): \(String(cString: strerror(errno)))")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw CommandFailure(
        "\(shown(path)) is not a folder: --documents takes the folder that holds the documents")
    }
    guard let directory = root.withCString({ opendir($0) }) else {
      throw CommandFailure("can't list the folder \(shown(path)): \(String(cString: strerror(errno)))")
    }
    closedir(directory)
    self.root = root
  }

  /// The absolute path without symbolic links, or `nil` with `errno` set.
  static func resolve(_ path: String) -> [UInt8]? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return Array(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
  }

  /// The documents in byte order of their paths, and whether there are more than ``limit``.
  func list() -> (documents: [DocumentPath], isCut: Bool) {
    var documents: [DocumentPath] = []
    var pending = [DocumentPath("")]
    while let folder = pending.popLast() {
      let full = folder.bytes.isEmpty ? root : root + [UInt8(ascii: "/")] + folder.bytes
      guard let entries = entries(of: full) else {
        documents.append(folder)
        continue
      }
      for entry in entries {
        let path = folder.appending(entry.name)
        if entry.isFolder { pending.append(path) } else { documents.append(path) }
        if documents.count + pending.count > Self.limit {
          return (documents.sorted().prefix(Self.limit) + [], true)
        }
      }
    }
    return (documents.sorted(), false)
  }

  /// What a folder holds, but for the excluded; `nil` when it can't be listed.
  private func entries(of folder: [UInt8]) -> [(name: [UInt8], isFolder: Bool)]? {
    // Opened as the walk's own kind of thing: a folder swapped for a link meanwhile isn't followed.
    let descriptor = folder.withCString { path in
      retryingInterrupts { open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
    }
    guard descriptor >= 0 else { return nil }
    guard let directory = fdopendir(descriptor) else {
      close(descriptor)
      return nil
    }
    defer { closedir(directory) }
    var found: [(name: [UInt8], isFolder: Bool)] = []
    while found.count <= Self.limit, let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
        let start = UnsafeRawPointer(field)
        return Array(
          UnsafeRawBufferPointer(start: start, count: strlen(start.assumingMemoryBound(to: CChar.self))))
      }
      if name == Array(".".utf8) || name == Array("..".utf8) { continue }
      var status = stat()
      let known = name.withCString { fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) } == 0
      if known && excluded.contains(FileIdentity(status)) { continue }
      found.append((name, known && status.st_mode & S_IFMT == S_IFDIR))
    }
    return found
  }
}

/// Which file it is, whatever path leads to it.
struct FileIdentity: Hashable {
  private let device: UInt64
  private let inode: UInt64

  init(_ status: stat) {
    device = UInt64(truncatingIfNeeded: status.st_dev)
    inode = UInt64(truncatingIfNeeded: status.st_ino)
  }

  /// The file or folder at `path`; `nil` when there is none.
  init?(path: String) { self.init(path: Array(path.utf8)) }

  /// The file or folder at `path`; `nil` when there is none.
  init?(path: [UInt8]) {
    var status = stat()
    guard path.withCString({ stat($0, &status) }) == 0 else { return nil }
    self.init(status)
  }
}

/// A path given by the user, as one line of harmless text.
func shown(_ path: String) -> String { DocumentPath(path).escaped }
