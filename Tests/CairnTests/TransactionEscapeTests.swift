import Foundation
import Testing

/// What a program is compiled with: the compiler on the search path, and the modules of this build.
private enum Compilation {
  static let compiler = ProcessInfo.processInfo.environment["PATH"]?
    .split(separator: ":").map { "\($0)/swiftc" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// The package's sources.
  static let sources =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path + "/Sources"

  /// The map that the build has made for `CairnShims`.
  static var shimsModuleMap: String? {
    modules.map {
      URL(fileURLWithPath: $0).deletingLastPathComponent().path + "/CairnShims.build/module.modulemap"
    }
    .flatMap { FileManager.default.fileExists(atPath: $0) ? $0 : nil }
  }

  static let modules: String? = {
    guard let executable = CommandLine.arguments.first else { return nil }
    var folder = URL(fileURLWithPath: executable).deletingLastPathComponent()
    for _ in 0..<4 {
      let modules = folder.appendingPathComponent("Modules").path
      if FileManager.default.fileExists(atPath: modules + "/Cairn.swiftmodule") { return modules }
      folder.deleteLastPathComponent()
    }
    return nil
  }()
}

/// The compiler refuses a transaction that is kept, copied, or carried across an `await`.
///
/// A case is missing on purpose: capturing the transaction in a closure that escapes, such as that of a
/// `Task`, is refused as well, but Swift 6.3.1 does so by crashing in its `MoveOnlyChecker`.
///
/// Where there is no compiler, or there are no modules beside the test executable, the tests are skipped.
@Suite(.enabled(if: Compilation.compiler != nil && Compilation.modules != nil))
struct TransactionEscapeTests {
  @Test(
    arguments: [
      ("let id = try transaction.save(1, to: line); _ = id", nil),
      ("try nested(transaction)", nil),
      ("kept = transaction", "is consuming"),
      ("let copy = transaction; _ = copy", "'transaction' is borrowed and cannot be consumed"),
      ("await Task.yield()", "async"),
      ("try transaction.save(\"x\", to: line)", "String"),
    ] as [(String, String?)])
  func whatABodyMayDo(_ body: String, refusal: String?) throws {
    let program = """
      import Cairn
      let line = Timeline<Int>("line")
      func nested(_ transaction: borrowing Transaction) throws { try transaction.save(2, to: line) }
      func use(_ store: Store) async throws {
        var kept: Transaction?
        try await store.write { transaction in
          \(body)
        }
        _ = consume kept
      }
      """
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cairn-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = folder.appendingPathComponent("escape.swift")
    try program.write(to: source, atomically: true, encoding: .utf8)

    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(Compilation.compiler))
    // Not `-typecheck`: ownership is checked after it, on the intermediate language.
    process.arguments = [
      "-emit-sil", "-swift-version", "6", "-parse-as-library", "-I", try #require(Compilation.modules),
      // The C modules that the engine imports: the package's sources hold their maps.
      "-I", Compilation.sources + "/CZstd",
      "-Xcc", "-fmodule-map-file=\(try #require(Compilation.shimsModuleMap))",
      "-o", "/dev/null", source.path,
    ]
    let output = Pipe()
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    if let refusal {
      #expect(process.terminationStatus != 0 && text.contains(refusal), "\(text)")
    } else {
      #expect(process.terminationStatus == 0, "\(text)")
    }
  }
}
