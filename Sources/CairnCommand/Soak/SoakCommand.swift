import ArgumentParser

/// `cairn soak`: runs the engine on this machine's own disk for as long as one likes, and checks everything.
struct SoakCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "soak",
    abstract: "Convince yourself on your own disk: write, kill, check every byte, and measure.",
    discussion: """
      Each workload works in a fresh folder, prints what it measured beside its bounds, and removes \
      the folder unless something failed. Exits with 0 when everything is within its bounds, 1 when \
      not, 64 when the command makes no sense.
      """,
    subcommands: [
      MixedSoakCommand.self, CheckpointSoakCommand.self, QueueSoakCommand.self, RemovalSoakCommand.self,
      MixedSessionCommand.self,
    ],
    defaultSubcommand: MixedSoakCommand.self)
}

/// What every workload takes.
struct SoakOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What everything random follows from (default: a new one each time, which is printed).", valueName: "n")
  )
  var seed: UInt64?

  @Option(
    help: ArgumentHelp(
      "Where to make the folder to work in (default: below .build here, or the temporary directory).",
      valueName: "dir"))
  var directory: String?

  @Option(
    name: .customLong("memory-limit"), help: ArgumentHelp("The store's memory limit.", valueName: "mib"))
  var memoryLimitMebibytes: Int?

  func validate() throws {
    if directory == "" { throw ValidationError("--directory takes a path, not nothing.") }
    if let memoryLimitMebibytes, !(8...65_536).contains(memoryLimitMebibytes) {
      throw ValidationError("--memory-limit takes 8 to 65536 MiB.")
    }
  }

  /// The seed given, or a new one.
  var chosenSeed: UInt64 { seed ?? UInt64.random(in: 0...999_999) }

  func memoryLimit(orMebibytes fallback: Int) -> Int { (memoryLimitMebibytes ?? fallback) << 20 }

  /// Runs a workload in a fresh folder, and prints what comes of it.
  func run(_ name: String, _ workload: (Console, SoakFolder) async throws -> SoakReport) async throws {
    let console = Console()
    do {
      let folder = try SoakFolder(below: directory)
      let report: SoakReport
      do {
        report = try await workload(console, folder)
      } catch {
        console.line("The folder is kept: \(shown(folder.path))")
        throw error
      }
      for line in report.lines { console.line(line) }
      guard report.holds else {
        console.line("NOT AS PROMISED. The folder is kept: \(shown(folder.path))")
        throw ExitCode.failure
      }
      folder.remove()
      console.line("Everything is as promised.")
    } catch let exit as ExitCode {
      throw exit
    } catch {
      console.complaint("cairn soak \(name): \(shown("\(error)"))")
      throw ExitCode.failure
    }
  }
}
