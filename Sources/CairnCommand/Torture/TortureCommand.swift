import ArgumentParser

/// `cairn torture`: kills real processes that write to a store, and checks what is left.
struct TortureCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "torture",
    abstract:
      "Convince yourself that nothing is lost: kill writers at any moment and at any call, and check.",
    discussion: """
      run does it all. writer and verifier are its parts, for a driver of your own: start a writer, kill it as \
      you like, append what it printed to a file, start the next one in the same folder; whenever nobody writes, \
      let the verifier compare the store with that file.
      """,
    subcommands: [TortureRunCommand.self, TortureWriterCommand.self, TortureVerifierCommand.self],
    defaultSubcommand: TortureRunCommand.self)
}

/// What writer and verifier must be told alike.
struct CrashScriptOptions: ParsableArguments {
  @Option(help: ArgumentHelp("What is written follows from it.", valueName: "n"))
  var seed: UInt64 = 1

  @Flag(
    help:
      "Also removals, of ranges too, overwrites, transactions, buffered commits, flushes, ingests and backups."
  )
  var mix = false

  var script: CrashScript { CrashScript(seed: seed, isMixed: mix) }
}
