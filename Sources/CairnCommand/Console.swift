import Foundation

/// The output, as a terminal or as plain lines. What can't be written is lost, and the work goes on:
/// it's recorded.
struct Console {
  /// Whether a person watches.
  let isTerminal: Bool
  private let output: Int32

  /// A console on an open descriptor: standard output, unless a test keeps it to itself.
  init(output: Int32 = STDOUT_FILENO) {
    self.output = output
    isTerminal = isatty(output) == 1
  }

  /// Prints a line, with one write.
  func line(_ text: String = "") { _ = writeAll(Array((text + "\n").utf8), to: output) }

  /// Prints a line to standard error.
  func complaint(_ text: String) { _ = writeAll(Array((text + "\n").utf8), to: STDERR_FILENO) }

  /// Shows how far the work is, over what was shown before. Only on a terminal.
  func progress(done: Int, of count: Int, name: String) {
    let bar = ProgressBar(done: done, count: count, name: name)
    _ = writeAll(Array(("\r\u{1b}[K" + bar.text(columns: columns)).utf8), to: output)
  }

  /// Removes the progress. Only on a terminal.
  func clearProgress() { _ = writeAll(Array("\r\u{1b}[K".utf8), to: output) }

  private var columns: Int {
    var size = winsize()
    guard ioctl(output, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }
}

/// How far the work is, in one line that is narrower than the terminal, so that it never wraps.
struct ProgressBar {
  let done: Int
  let count: Int
  let name: String

  /// The line for a terminal that is `columns` wide.
  func text(columns: Int) -> String {
    let figures = " \(done)/\(count)"
    let room = max(columns, 20) - 1 - figures.count - 2
    let barWidth = min(40, max(4, room / 2))
    let filled = count > 0 ? barWidth * min(done, count) / count : barWidth
    let bar =
      "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: barWidth - filled) + "]"
    return bar + figures + Self.shortened(" " + name, columns: room - barWidth)
  }

  /// As much of `text` as fits; characters from U+1100 on may be two columns wide, and are counted so.
  private static func shortened(_ text: String, columns: Int) -> String {
    var left = columns
    var result = ""
    for character in text {
      left -= character.unicodeScalars.reduce(0) { $0 + ($1.value < 0x1100 ? 1 : 2) }
      if left < 0 { break }
      result.append(character)
    }
    return result
  }
}
