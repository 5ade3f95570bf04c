import Foundation

/// The program in `Tests/SecondReader`, which knows nothing of the engine but `format-spec.md`.
enum SecondReader {
  static let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Whether it can run: Python 3 is here, and something that decompresses zstd.
  static let isHere = (try? run(["--ready"]))?.status == 0
  static let absence = "python3, or zstd for it, is not here: nobody reads the format a second time"

  /// What it printed of one store.
  struct Answer: Equatable {
    var lines: [String]
    /// Whether it found the store damaged.
    var isRefused: Bool { lines.count == 1 && lines[0].hasPrefix("{\"error\":") }

    /// Where it says something else than these lines; `nil` if it does not.
    func difference(from expected: [String]) -> String? {
      if lines == expected { return nil }
      let index =
        zip(lines, expected).enumerated().first { $1.0 != $1.1 }?.offset ?? min(lines.count, expected.count)
      let (read, found) = (lines.dropFirst(index).first, expected.dropFirst(index).first)
      return "line \(index + 1): \(read ?? "none") instead of \(found ?? "none")"
    }
  }

  /// Lets it read some stores, one after the other.
  /// - Throws: ``Failure`` when it printed something else than one answer for each.
  static func read(_ folders: [URL], _ options: [String] = ["--state"]) throws -> [Answer] {
    let paths = folders.map { $0.path(percentEncoded: false) }
    let (status, output) = try run(options + paths)
    guard [0, 1].contains(status) else { throw Failure(status: status, output: output) }
    var answers: [Answer] = []
    for line in output.split(separator: "\n").map(String.init) {
      if line.hasPrefix("{\"store\":") {
        answers.append(Answer(lines: []))
      } else if answers.isEmpty {
        throw Failure(status: status, output: output)
      } else {
        answers[answers.count - 1].lines.append(line)
      }
    }
    guard answers.count == paths.count else { throw Failure(status: status, output: output) }
    return answers
  }

  /// It did not do what it was made for.
  struct Failure: Error {
    var status: Int32
    var output: String
  }

  /// Runs it, and returns its exit status and all that it printed, errors of the interpreter included.
  static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    let program = tests.appending(path: "SecondReader/second_reader.py")
    process.arguments = ["python3", program.path(percentEncoded: false)] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, output)
  }
}

/// A folder for one test, removed with everything in it.
final class ScratchFolder {
  let url = FileManager.default.temporaryDirectory.appending(path: "cairn-second-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: url) }
}
