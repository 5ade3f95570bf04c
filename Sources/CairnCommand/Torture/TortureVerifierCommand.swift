import ArgumentParser
import Foundation

/// `cairn torture verifier`: compares a store with what its writers printed.
struct TortureVerifierCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verifier",
    abstract: "Compare a store with what its writers printed.",
    discussion: """
      ACKFILE is the standard output of all writers' runs on the store, one after the other; the last line \
      of each may be torn. Opens the store, reads all of it, and checks that every acknowledged operation is \
      there with its exact bytes; that of the others only those are there that began, each wholly, and in \
      each lane of operations without a hole; that nothing else is there; that the commit order is that in \
      which operations were done; and that every file is sound (as cairn verify does).

      With --backup also that the backup there opens by itself, holds every operation that was done when the \
      last one began of which a line BACKUP tells, ends anywhere after them, and is in all else as the store; or, \
      before a first one is finished, that nothing takes it for a store. It is only read, and stays a backup.

      Prints one line, and up to \(CrashCheck.limit) violations on standard error. Exits with 0 when all is as promised, \
      2 when the store says that it is damaged, 1 when something is lost or wrong, or could not be \
      looked at, 64 when the command makes no sense.
      """)

  @Argument(help: ArgumentHelp("The folder of the store.", valueName: "dir"))
  var directory: String

  @Argument(help: ArgumentHelp("What its writers printed.", valueName: "ackfile"))
  var captured: String

  @OptionGroup var script: CrashScriptOptions

  @Flag(
    name: .customLong("power-cut"),
    help: "The power was cut: the last operations may be gone that were only BUFFERED.")
  var hasLostPower = false

  @Option(help: ArgumentHelp("Compare the backup in this folder as well: DIR.backup.", valueName: "dir"))
  var backup: String?

  func validate() throws {
    if directory.isEmpty || captured.isEmpty { throw ValidationError("Name the folder and the file.") }
  }

  func run() async throws {
    let console = Console()
    let verdict: CrashVerdict
    do {
      guard let bytes = FileManager.default.contents(atPath: captured) else {
        throw CommandFailure("can't read \(shown(captured))")
      }
      let record = try CrashRecord(captured: bytes)
      verdict = try CrashVerifier(
        directory: directory,
        check: CrashCheck(script: script.script, record: record, hasLostPower: hasLostPower),
        backup: backup
      ).verdict()
    } catch {
      console.complaint("cairn torture verifier: \(shown("\(error)"))")
      throw ExitCode.failure
    }
    console.line(verdict.summary)
    for line in verdict.details.prefix(CrashCheck.limit) { console.complaint(shown(line)) }
    switch verdict {
    case .fine: break
    case .wrong: throw ExitCode.failure
    case .damaged: throw ExitCode(2)
    }
  }
}
