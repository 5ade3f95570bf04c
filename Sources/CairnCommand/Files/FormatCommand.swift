import ArgumentParser
import CairnEngine
import CairnKV

/// `cairn format`: tells a store's format version, or raises it.
struct FormatCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "format",
    abstract: "Tell which format version a store has, or raise it.",
    discussion: """
      Without --raise nothing is written, and somebody may have the store open. With it, nobody may.

      There is no way back from a higher version: programs that do not know it refuse the store from \
      then on. A store keeps its version until it is raised.

      Exits with 0, with 1 when the store could not be read or the version could not be raised, 64 when \
      the command makes no sense.
      """)

  @Argument(help: ArgumentHelp("The folder of the store.", valueName: "dir"))
  var store: String

  @Option(
    help: ArgumentHelp(
      "The version to raise it to, at most \(FormatVersion.newest.rawValue).", valueName: "version"))
  var raise: UInt32?

  func validate() throws {
    if store.isEmpty { throw ValidationError("Name the store's folder.") }
    if let raise, FormatVersion(rawValue: raise) == nil {
      throw ValidationError(
        "--raise takes \(FormatVersion.oldest.rawValue) to \(FormatVersion.newest.rawValue).")
    }
  }

  func run() async throws {
    let console = Console()
    do {
      guard let version = raise.flatMap({ FormatVersion(rawValue: $0) }) else {
        let reader = try await ReadOnlyEngine.open(at: store)
        console.line("format version \(try reader.condition().formatVersion.rawValue)")
        return
      }
      var options = EngineOptions()
      options.createIfMissing = false
      let engine = try await Engine.open(at: store, options: options)
      do {
        try await engine.ratchetFormat(to: version)
      } catch {
        try? await engine.close()
        throw error
      }
      console.line("format version \(engine.formatVersion.rawValue)")
      try await engine.close()
    } catch {
      console.complaint("cairn format: \(shown("\(error)"))")
      throw ExitCode.failure
    }
  }
}
