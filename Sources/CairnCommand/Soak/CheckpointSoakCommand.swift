import ArgumentParser

/// `cairn soak checkpoints`: large values that supersede one another.
struct CheckpointSoakCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoints",
    abstract: "Checkpoints of 4 KiB to 1 MiB, each superseding the one before in its run.",
    discussion: """
      Measures how much is written for each byte given to a commit, and what is left on disk when \
      the store has been alone for a while. 100,000 checkpoints are about 18 GiB.
      """)

  @Option(help: ArgumentHelp("How many checkpoints to commit, durably.", valueName: "n"))
  var count: Int = 100_000

  @Option(help: ArgumentHelp("How many runs they belong to.", valueName: "n"))
  var runs: Int = 200

  @Option(help: ArgumentHelp("How many threads write.", valueName: "n"))
  var writers: Int = 4

  @Option(
    help: ArgumentHelp(
      "How one supersedes the one before: overwrite (the same key), or removal (a key of its own, and a "
        + "range removal of those before).", valueName: "how"))
  var superseding: CheckpointSoak.Superseding = .overwrite

  @Option(help: ArgumentHelp("How long to leave the store alone at the end, in seconds.", valueName: "s"))
  var quiet: Int = 60

  @OptionGroup var options: SoakOptions

  func validate() throws {
    guard (1...1_000_000_000).contains(count) else { throw ValidationError("--count takes 1 to 1000000000.") }
    guard (1...1_000_000).contains(runs) else { throw ValidationError("--runs takes 1 to 1000000.") }
    guard (1...256).contains(writers) else { throw ValidationError("--writers takes 1 to 256.") }
    guard (0...3600).contains(quiet) else { throw ValidationError("--quiet takes 0 to 3600 seconds.") }
  }

  func run() async throws {
    try await options.run("checkpoints") { console, folder in
      let soak = CheckpointSoak(
        seed: options.chosenSeed, count: count, runs: runs, writers: min(writers, runs),
        superseding: superseding, memoryLimit: options.memoryLimit(orMebibytes: 64), quietSeconds: quiet)
      console.line(
        "cairn soak checkpoints --count \(count) --runs \(runs) --writers \(soak.writers) --superseding "
          + "\(superseding.rawValue) --seed \(soak.seed) --memory-limit \(soak.memoryLimit >> 20), in "
          + shown(folder.path))
      return try soak.run(in: folder, console)
    }
  }
}

extension CheckpointSoak.Superseding: ExpressibleByArgument {}
