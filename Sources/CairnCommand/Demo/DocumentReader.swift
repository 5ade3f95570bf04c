import Foundation

/// What reading a document gave: a part of it that fits in memory, or why it is not reviewed.
enum DocumentContent: Equatable {
  /// Text as UTF-8.
  case text(DocumentText)
  /// Not reviewed, and the reason in words that are the same wherever and whenever the document is read.
  case refused(String)
}

/// The text of a document, or its beginning.
struct DocumentText: Equatable {
  /// UTF-8. When the document is not, its bytes were taken as ISO 8859-1 and converted.
  var utf8: [UInt8]
  /// The document's size in bytes, all of it.
  var documentBytes: Int
  /// How many of these bytes were read.
  var readBytes: Int
  /// Whether the document is not UTF-8.
  var isLatin1 = false
}

/// Reads one document after the other, whatever it turns out to be, in bounded time and memory.
///
/// Only what is a regular file is opened: opening is enough to make some devices act. Since a name may stand
/// for something else a moment later, it is opened without following a symbolic link and without waiting (a
/// fifo would wait for a writer), and what was opened is examined again.
struct DocumentReader {
  /// How much of a document is read and reviewed: 1 MiB. Of a longer one, the report says so.
  static let limitBytes = 1 << 20

  /// The folder, as an absolute path.
  let root: [UInt8]

  /// Reads the document at `path`.
  func read(_ path: DocumentPath) -> DocumentContent {
    let full = root + [UInt8(ascii: "/")] + path.bytes
    var status = stat()
    guard full.withCString({ lstat($0, &status) }) == 0 else { return .refused(Self.reason(error: errno)) }
    guard status.st_mode & S_IFMT == S_IFREG else { return .refused(Self.reason(kind: status.st_mode)) }
    let descriptor = full.withCString { path in
      retryingInterrupts { open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) }
    }
    guard descriptor >= 0 else { return .refused(Self.reason(error: errno)) }
    defer { close(descriptor) }
    guard fstat(descriptor, &status) == 0 else { return .refused(Self.failed("examined", errno)) }
    guard status.st_mode & S_IFMT == S_IFREG else { return .refused(Self.reason(kind: status.st_mode)) }
    return Self.read(descriptor, size: Int(status.st_size))
  }

  private static func read(_ descriptor: Int32, size: Int) -> DocumentContent {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count < limitBytes {
      let wanted = min(piece.count, limitBytes - bytes.count)
      let count = piece.withUnsafeMutableBytes { buffer in
        retryingInterrupts { Foundation.read(descriptor, buffer.baseAddress, wanted) }
      }
      if count < 0 { return .refused(failed("read", errno)) }
      if count == 0 { break }
      bytes.append(contentsOf: piece[..<count])
    }
    if bytes.isEmpty { return .refused("empty") }
    return text(of: bytes, documentBytes: max(size, bytes.count))
  }

  /// Tells text from other things, and converts it to UTF-8.
  static func text(of bytes: [UInt8], documentBytes: Int) -> DocumentContent {
    if let zero = bytes.firstIndex(of: 0) { return .refused("not text: a zero byte at offset \(zero)") }
    var text = DocumentText(utf8: bytes, documentBytes: documentBytes, readBytes: bytes.count)
    if documentBytes > bytes.count { text.utf8.removeLast(unfinishedTail(bytes)) }
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { text.utf8.removeFirst(3) }
    if String(validating: text.utf8, as: UTF8.self) != nil { return .text(text) }
    // Most binary formats have a zero byte; the rest shows by control characters that no text has.
    if let control = bytes.firstIndex(where: { $0 < 0x20 && !(0x07...0x0d).contains($0) && $0 != 0x1b }) {
      return .refused("not text: a control character at offset \(control)")
    }
    text.isLatin1 = true
    text.utf8 = bytes.flatMap { $0 < 0x80 ? [$0] : [0xc0 | $0 &>> 6, 0x80 | $0 & 0x3f] }
    return .text(text)
  }

  /// How many bytes at the end begin a character that the limit cut in two.
  private static func unfinishedTail(_ bytes: [UInt8]) -> Int {
    for back in 1...3 where back <= bytes.count {
      let byte = bytes[bytes.count - back]
      if byte & 0xc0 == 0x80 { continue }
      let length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
      return length > back ? back : 0
    }
    return 0
  }

  private static func reason(error: Int32) -> String {
    switch error {
    case ENOENT, ENOTDIR: "gone: it was there when the folder was listed"
    case EACCES, EPERM: "no permission to read it"
    case ELOOP: reason(kind: S_IFLNK)
    default: failed("opened", error)
    }
  }

  private static func reason(kind: mode_t) -> String {
    switch kind & S_IFMT {
    case S_IFLNK: return "a symbolic link: not followed, so that nothing is reviewed twice or from elsewhere"
    case S_IFDIR: return "a folder that could not be listed"
    case S_IFIFO: return "a named pipe: reading it could wait for ever"
    case S_IFSOCK: return "a socket"
    case S_IFCHR, S_IFBLK: return "a device"
    default: return "not a regular file"
    }
  }

  private static func failed(_ verb: String, _ error: Int32) -> String {
    "could not be \(verb): \(String(cString: strerror(error)))"
  }
}

/// Repeats a system call for as long as a signal interrupts it. Leaves `errno` to the caller.
func retryingInterrupts<Result: SignedInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result >= 0 || errno != EINTR { return result }
  }
}

extension [UInt8] {
  /// Calls `body` with these bytes as a C string. A zero byte within ends it: a path from the file system has
  /// none.
  func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    body(map { CChar(bitPattern: $0) } + [0])
  }
}
