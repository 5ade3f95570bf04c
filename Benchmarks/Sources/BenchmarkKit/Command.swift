import Foundation

/// Other programs, run to their end.
public enum Command {
  /// Why a program gave no output.
  public struct Failure: Error, CustomStringConvertible {
    /// The program.
    public let program: String
    /// What went wrong, and what it said last.
    public let reason: String
    /// Both in one line.
    public var description: String { "\(program): \(reason)" }
  }

  /// Runs a program, found on the search path, and returns what it printed.
  /// - Throws: ``Failure`` when it cannot be started, or ends with another status than 0.
  @discardableResult
  public static func output(
    _ program: String, _ arguments: [String], environment: [String: String] = [:]
  ) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: data, as: UTF8.self)
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      let last = text.split(separator: "\n").suffix(3).joined(separator: " / ")
      throw Failure(program: program, reason: "status \(process.terminationStatus): \(last)")
    }
    return text
  }
}
