import BenchmarkKit
import Foundation

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A server that the benchmark starts and stops itself, reached over a local socket.
final class Server {
  private let process = Process()
  private let name: String

  /// Starts a program, and waits until `isReady` says that it answers.
  /// - Throws: ``WorkflowFailure`` with what it said last, when it ends, or does not answer within 20 seconds.
  init(
    _ program: String, _ arguments: [String], log: String, isReady: () -> Bool
  ) throws {
    name = program
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [program] + arguments
    guard FileManager.default.createFile(atPath: log, contents: nil),
      let output = FileHandle(forWritingAtPath: log)
    else {
      throw WorkflowFailure("\(log) cannot be written")
    }
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let deadline = ContinuousClock.now + .seconds(20)
    while !isReady() {
      guard process.isRunning, ContinuousClock.now < deadline else {
        let said = ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n").suffix(
          2)
        stop()
        throw WorkflowFailure("\(program) does not answer: \(said.joined(separator: " / "))")
      }
      usleep(20_000)
    }
  }

  deinit { stop() }

  /// Ends it, and waits for that. Both servers take an interrupt as a request to end at once but in order.
  func stop() {
    guard process.isRunning else { return }
    process.interrupt()
    process.waitUntilExit()
  }
}

/// A folder with a path short enough for a socket's name, of which there are some hundred bytes at most.
final class SocketFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/cairn-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else {
      throw WorkflowFailure("no folder for a socket: errno \(errno)")
    }
    path = String(cString: made)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
