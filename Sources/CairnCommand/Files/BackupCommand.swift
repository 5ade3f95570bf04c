import ArgumentParser
import CairnEngine
import CairnKV

/// `cairn backup`: takes a backup of a store that nobody has open.
struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Write a store into another directory, from which it can be opened.",
    discussion: """
      Nobody may have the store open meanwhile: a program that has it open takes its backups itself, \
      while it goes on, with Engine.backup.

      Into the same directory again it brings only what is new, and the earlier backup is whole until \
      the new one is. Segments and value files get a second name where the directory is on the same \
      file system (--copy writes copies instead), and are copied where it is not. To restore, open the \
      directory, or a copy of all of it. cairn verify reads a backup like any store.

      Exits with 0 when the backup is there, 1 when it is not, 64 when the command makes no sense.
      """)

  @Argument(help: ArgumentHelp("The folder of the store.", valueName: "dir"))
  var store: String

  @Argument(
    help: ArgumentHelp(
      "The folder of the backup: one that does not exist, is empty, or has an earlier backup of this store.",
      valueName: "to"))
  var destination: String

  @Flag(help: "Copy every file, so that damage to a file of the store is none to the backup.")
  var copy = false

  func validate() throws {
    if store.isEmpty || destination.isEmpty { throw ValidationError("Name both folders.") }
  }

  func run() async throws {
    let console = Console()
    var options = EngineOptions()
    options.createIfMissing = false
    var backup = BackupOptions()
    backup.copiesEverything = copy
    do {
      let engine = try await Engine.open(at: store, options: options)
      let report: BackupReport
      do {
        report = try await engine.backup(to: destination, options: backup)
      } catch {
        try? await engine.close()
        throw error
      }
      try await engine.close()
      for line in Self.lines(report) { console.line(line) }
    } catch {
      console.complaint("cairn backup: \(shown("\(error)"))")
      throw ExitCode.failure
    }
  }

  /// A report as lines for a person.
  static func lines(_ report: BackupReport) -> [String] {
    func line(_ what: String, _ files: BackupReport.Files) -> String {
      "\(what): \(files.count) files, \(files.bytes) bytes"
    }
    return [
      line("linked", report.linked), line("copied", report.copied), line("there already", report.reused),
      "in the log: \(report.logBytes) bytes",
      "The backup holds everything up to position \(report.position.rawValue).",
    ]
  }
}
