import Foundation

/// Text that the system makes as it is read, below `/proc`.
public enum SystemText {
  /// All of it; `nil` when it cannot be read.
  ///
  /// Not by `String(contentsOfFile:)`, which believes that such a file has no more than one page.
  public static func read(_ path: String) -> String? {
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? file.close() }
    return (try? file.readToEnd()).map { String(decoding: $0, as: UTF8.self) }
  }
}
