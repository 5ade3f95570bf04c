import CairnEngine
import Foundation

/// One store that is tortured, beside what its writers said, and how it is looked at.
struct CrashSite {
  let store: String
  let captured: String
  let script: CrashScript
  /// What was said so far.
  private(set) var record = CrashRecord()
  /// How many writers there were.
  private(set) var steps = 0

  init(folder: String, number: Int, script: CrashScript) {
    store = "\(folder)/store-\(number)"
    captured = "\(folder)/store-\(number).ack"
    self.script = script
  }

  private var copy: String { store + "-verified" }
  private var backup: String { CrashBackup.path(beside: store) }
  private var backupCopy: String { CrashBackup.path(beside: copy) }

  /// Whether another one is to take its place: so that looking at all of it takes no longer than killing.
  var isWornOut: Bool { steps >= 40 || record.operations.count > 1500 }

  /// Notes what one writer said, in a file as well, which is what the verifier's command takes.
  mutating func note(_ lines: [CrashLine]) throws(CommandFailure) {
    steps += 1
    for line in lines { record.take(line) }
    let descriptor = retryingInterrupts { open(captured, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666) }
    guard descriptor >= 0 else { throw failure() }
    let isWritten = writeAll(Array(lines.map { $0.text + "\n" }.joined().utf8), to: descriptor)
    let error = errno
    guard close(descriptor) == 0, isWritten else {
      if !isWritten { errno = error }
      throw failure()
    }
  }

  private func failure() -> CommandFailure {
    CommandFailure("can't keep what was said in \(shown(captured)): \(String(cString: strerror(errno)))")
  }

  /// Looks at a copy of the store, so that what a kill has left is there still, to be recovered by the next writer, or
  /// to be looked at by a person.
  /// - Parameter keepingCopy: Whether the next writer goes on with the copy, and not with what the kill has left.
  func verdict(keepingCopy: Bool) throws -> CrashVerdict {
    let files = FileManager.default
    let isThere = files.fileExists(atPath: store)
    if isThere { try files.copyItem(atPath: store, toPath: copy) }
    let hasBackup = files.fileExists(atPath: backup)
    if hasBackup { try files.copyItem(atPath: backup, toPath: backupCopy) }
    let verdict: CrashVerdict
    do {
      verdict = try CrashVerifier(
        directory: copy, check: CrashCheck(script: script, record: record), backup: backupCopy,
        isRestoring: steps % 2 == 0
      ).verdict()
    } catch {
      // To be opened is one of the things that are promised.
      verdict = .damaged(["the store does not open: \(error)"])
    }
    guard case .fine = verdict else { return verdict }
    // The next one goes on with the backup as it was left, which shares files with the store.
    if hasBackup { try files.removeItem(atPath: backupCopy) }
    guard isThere else { return verdict }
    if keepingCopy {
      try files.removeItem(atPath: store)
      try files.moveItem(atPath: copy, toPath: store)
    } else {
      try files.removeItem(atPath: copy)
    }
    return verdict
  }

  func remove() {
    for path in [store, backup, captured] { try? FileManager.default.removeItem(atPath: path) }
  }

  /// How to look at the store by hand.
  var command: String {
    "cairn torture verifier \(shown(store)) \(shown(captured)) --seed \(script.seed)"
      + (script.isMixed ? " --mix --backup \(shown(backup))" : "")
  }
}
