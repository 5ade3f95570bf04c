import CairnEngine
import CairnKV

/// What came of looking at a store.
enum CrashVerdict {
  /// All is as promised. So many operations are there, of which so many were acknowledged; and so many are in the
  /// backup, if there is one.
  case fine(held: UInt64, acknowledged: Int, inBackup: UInt64?)
  /// The store has lost something, or serves what is wrong.
  case wrong([CrashViolation])
  /// The store says itself that it is damaged.
  case damaged([String])

  /// One line.
  var summary: String {
    switch self {
    case .fine(let held, let acknowledged, let inBackup):
      "OK: \(acknowledged) operations acknowledged, \(held) held, "
        + (inBackup.map { "\($0) of them in the backup, " } ?? "")
        + "every byte as written, every file sound."
    case .wrong: "WRONG: " + Self.first(of: details)
    case .damaged: "DAMAGED: " + Self.first(of: details)
    }
  }

  /// Each thing that is not as it should be.
  var details: [String] {
    switch self {
    case .fine: []
    case .wrong(let violations): violations.map(\.description)
    case .damaged(let what): what
    }
  }

  private static func first(of words: [String]) -> String {
    let line = shown(words.first ?? "")
    return words.count > 1 ? line + " (and \(words.count - 1) more)" : line
  }
}

/// Opens a store that nobody writes to any more, and compares it with what its writers said.
struct CrashVerifier {
  let directory: String
  let check: CrashCheck
  /// Where the store's backup is to be; `nil`: nobody looks at it.
  var backup: String?
  /// Whether the backup is opened for writing, after which it is none any more, and not only to be read.
  var isRestoring = false
  var environment = Environment.system

  /// - Throws: a ``StorageError`` that is no damage: somebody has the store open, for one.
  func verdict() throws -> CrashVerdict {
    do {
      // A writer that was killed before it made the store has promised nothing.
      guard try environment.fileSystem.information(at: directory) != nil else { return withoutStore }
      return try examine()
    } catch let error as StorageError {
      switch error.code {
      case .corruption, .unsupportedFormat, .inputOutput: return .damaged([error.description])
      default: throw error
      }
    }
  }

  private var withoutStore: CrashVerdict {
    let lost = check.record.operations.filter { $0.value.done != nil }.keys.min()
    return lost.map { .wrong([CrashViolation(.lost, "operation \($0) was done, and there is no store")]) }
      ?? .fine(held: 0, acknowledged: 0, inBackup: nil)
  }

  private func examine() throws -> CrashVerdict {
    let engine: Engine = try Engine.open(at: directory, options: CrashStore.options, environment: environment)
    let verdict: CrashVerdict
    do {
      verdict = try look(at: engine)
    } catch {
      // What was found is told, not what closing a store in that state says.
      try? engine.close()
      throw error
    }
    try engine.close()
    return verdict
  }

  private func look(at engine: Engine) throws -> CrashVerdict {
    let (violations, contents) = try engine.read { reader in
      let found = try check.violations(in: reader)
      return (found, found.isEmpty ? try CrashBackup.Contents(of: reader) : nil)
    }
    guard let contents, violations.isEmpty else { return .wrong(violations) }
    let report: VerificationReport = try engine.verify(.everything, violationLimit: CrashCheck.limit)
    if !report.isSound { return .damaged(report.violations.map(\.description)) }
    var inBackup: UInt64?
    if let backup {
      let backup = CrashBackup(
        directory: backup, check: check, isOpenedForWriting: isRestoring, environment: environment)
      switch try backup.finding(contents) {
      case .none: break
      case .whole(let held): inBackup = held
      case .wrong(let violations): return .wrong(violations)
      case .damaged(let what): return .damaged(what)
      }
    }
    return .fine(
      held: contents.recorded.reduce(0, +),
      acknowledged: check.record.operations.count { $0.value.done != nil }, inBackup: inBackup)
  }
}
