import ArgumentParser
import CairnEngine
import CairnKV
import Foundation
import Synchronization
import Testing

@testable import CairnCommand

/// A store that writers have written to in this process, beside what they said, and the commands that look at it.
struct TortureFixture {
  let folder: TemporaryFolder
  let script: CrashScript

  var store: String { folder.path + "/store" }
  var captured: String { folder.path + "/captured" }
  var backup: String { folder.path + "/store.backup" }

  init(isMixed: Bool = false, seed: UInt64 = 3) throws {
    folder = try TemporaryFolder()
    script = CrashScript(seed: seed, isMixed: isMixed)
  }

  /// Makes the next operations, and notes what was said unless that is for the caller to do.
  @discardableResult
  func write(
    _ count: UInt64, threads: Int = 1, environment: Environment = .system, saying: Bool = true
  ) throws -> [CrashLine] {
    let lines = Mutex<[CrashLine]>([])
    let writer = CrashWriter(
      directory: store, script: script, count: count, threads: threads, environment: environment
    ) { line in lines.withLock { $0.append(line) } }
    try writer.run()
    let said = lines.withLock { $0 }
    if saying { try say(said.map { $0.text + "\n" }.joined()) }
    return said
  }

  /// Adds to what writers said.
  func say(_ text: String) throws {
    let before = FileManager.default.contents(atPath: captured) ?? Data()
    try (before + Data(text.utf8)).write(to: URL(fileURLWithPath: captured))
  }

  /// Commits something that no writer would.
  func forge(_ body: (inout WriteBatch) throws -> Void) throws {
    let engine: Engine = try Engine.open(at: store, options: CrashStore.options)
    try engine.write(.durable, body)
    try engine.close()
  }

  func read<Value>(_ body: (any KeyValueReader) throws -> Value) throws -> Value {
    let engine: Engine = try Engine.open(at: store, options: CrashStore.options)
    let value = try engine.read(body)
    try engine.close()
    return value
  }

  /// The lane of `operation` after it.
  func model(after operation: UInt64) -> CrashModel {
    var model = CrashModel(CrashLane(of: operation), script)
    model.advance(to: CrashLane.index(of: operation))
    return model
  }

  func kinds() throws -> Set<CrashViolation.Kind> {
    let record = try CrashRecord(captured: FileManager.default.contents(atPath: captured) ?? Data())
    let check = CrashCheck(script: script, record: record)
    return Set(try read { try check.violations(in: $0) }.map(\.kind))
  }

  /// The exit code of `cairn torture verifier` on the store.
  func verify(_ more: String...) async -> Int32 {
    await Self.exit(
      ["torture", "verifier", store, captured, "--seed", "\(script.seed)"]
        + (script.isMixed ? ["--mix"] : []) + more)
  }

  static func exit(_ arguments: [String]) async -> Int32 {
    do {
      var command = try CairnCommand.parseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      return 0
    } catch {
      return CairnCommand.exitCode(for: error).rawValue
    }
  }

  /// The executable `cairn`, which is built beside the tests.
  static func executable() throws -> String {
    let starts = [Bundle.main.executablePath].compactMap { $0 } + CommandLine.arguments
    for start in starts where start.contains("/") {
      var url = URL(fileURLWithPath: start)
      for _ in 0..<5 {
        url.deleteLastPathComponent()
        let path = url.appendingPathComponent("cairn").path
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue {
          return path
        }
      }
    }
    throw CommandFailure("the executable cairn is not beside the tests: \(starts)")
  }
}
