import Foundation

/// Where the report is written: whole or not at all, through a temporary file beside it that is synced and
/// renamed.
///
/// A path through a symbolic link writes to what the link means. What is there and isn't a regular file, such
/// as `/dev/stdout`, is written to as it is: a rename would put a file in its place.
struct ReportFile {
  /// The file, as an absolute path.
  let path: String
  private let isReplaceable: Bool

  /// Checks that a report can be written to `path`, before any work is done.
  init(path: String) throws(CommandFailure) {
    let url = URL(fileURLWithPath: path)
    let resolved = DocumentFolder.resolve(path).map { String(decoding: $0, as: UTF8.self) }
    let target = resolved ?? url.path
    var status = stat()
    let exists = stat(target, &status) == 0
    guard !exists || status.st_mode & S_IFMT != S_IFDIR else {
      throw CommandFailure("can't write the report to \(shown(path)): it is a folder")
    }
    self.path = target
    isReplaceable = !exists || status.st_mode & S_IFMT == S_IFREG
    let checked = isReplaceable ? URL(fileURLWithPath: target).deletingLastPathComponent().path : target
    guard access(checked, W_OK) == 0 else { throw Self.failure(path, errno) }
    if isReplaceable {
      guard stat(checked, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
        throw Self.failure(path, ENOTDIR)
      }
    }
  }

  /// The temporary file's path; always the same, so that an interrupted run leaves nothing that the next
  /// doesn't clean up.
  var temporaryPath: String {
    let url = URL(fileURLWithPath: path)
    return url.deletingLastPathComponent().appendingPathComponent(".\(url.lastPathComponent).cairn-temporary")
      .path
  }

  /// Writes the report.
  func write(_ text: String) throws(CommandFailure) {
    let target = isReplaceable ? temporaryPath : path
    let flags = isReplaceable ? O_CREAT | O_TRUNC | O_NOFOLLOW : 0
    let descriptor = retryingInterrupts { open(target, O_WRONLY | O_CLOEXEC | flags, 0o666) }
    guard descriptor >= 0 else { throw Self.failure(path, errno) }
    let isWritten = writeAll(Array(text.utf8), to: descriptor)
    let isSynced = isWritten && (!isReplaceable || retryingInterrupts { fsync(descriptor) } == 0)
    let cause = errno
    let isClosed = close(descriptor) == 0
    guard isSynced, isClosed else {
      let cause = isSynced ? errno : cause
      if isReplaceable { unlink(target) }
      throw Self.failure(path, cause)
    }
    guard isReplaceable else { return }
    guard rename(target, path) == 0 else { throw Self.failure(path, errno) }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    let directory = retryingInterrupts { open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard directory >= 0 else { throw Self.failure(path, errno) }
    defer { close(directory) }
    guard retryingInterrupts({ fsync(directory) }) == 0 else { throw Self.failure(path, errno) }
  }

  private static func failure(_ path: String, _ error: Int32) -> CommandFailure {
    CommandFailure("can't write the report to \(shown(path)): \(String(cString: strerror(error)))")
  }
}

/// Writes all of `bytes`. False, with `errno` set, when it can't.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
  bytes.withUnsafeBytes { buffer in
    var written = 0
    while written < buffer.count {
      let count = retryingInterrupts {
        write(descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written)
      }
      if count <= 0 { return false }
      written += count
    }
    return true
  }
}
