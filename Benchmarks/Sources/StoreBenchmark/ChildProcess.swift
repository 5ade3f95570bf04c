import Foundation
import Peers

/// This program once more, for what needs a process of its own: to be killed, or to have its memory looked at.
enum ChildProcess {
  /// The first argument of a child; its task and what that needs follow.
  static let flag = "--child"

  /// What a child can do.
  enum Duty: String {
    case fillForReopening, fillForScaling, measureScaling
  }

  /// In the child: does its duty.
  static func serve(_ arguments: [String]) throws {
    guard arguments.count >= 3, let duty = Duty(rawValue: arguments[0]),
      let engine = Engines.named(arguments[1])
    else { throw StoreFailure("a child process was not told what to do") }
    let numbers = arguments.dropFirst(3).compactMap(Double.init)
    switch duty {
    case .fillForReopening: try Reopening.fillAndWait(engine, arguments[2], Int(numbers[0]))
    case .fillForScaling: try Growth.fill(engine, arguments[2], keys: Int(numbers[0]))
    case .measureScaling:
      try Growth.measureInChild(engine, arguments[2], keys: Int(numbers[0]), seconds: numbers[1])
    }
  }

  private static func start(
    _ duty: Duty, _ engine: any StoreEngine, _ path: String, _ numbers: [Double]
  ) throws -> (Process, FileHandle) {
    let process = Process()
    process.executableURL = URL(filePath: "/proc/self/exe")
    process.arguments = [flag, duty.rawValue, engine.name, path] + numbers.map { "\($0)" }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    return (process, pipe.fileHandleForReading)
  }

  /// Runs a child to its end, and returns what it printed.
  static func run(
    _ duty: Duty, _ engine: any StoreEngine, _ path: String, _ numbers: [Double]
  ) throws -> String {
    let (process, output) = try start(duty, engine, path, numbers)
    let data = output.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      throw StoreFailure("\(duty.rawValue) of \(engine.name) ended with status \(process.terminationStatus)")
    }
    return String(decoding: data, as: UTF8.self)
  }

  /// Kills a child, with the signal that cannot be caught, as soon as it prints something.
  static func runAndKill(
    _ duty: Duty, _ engine: any StoreEngine, _ path: String, _ numbers: [Double]
  ) throws {
    let (process, output) = try start(duty, engine, path, numbers)
    let said = output.availableData
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    if said.isEmpty { throw StoreFailure("\(duty.rawValue) of \(engine.name) ended before it was killed") }
  }
}
