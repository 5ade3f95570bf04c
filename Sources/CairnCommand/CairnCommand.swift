import ArgumentParser

@main struct CairnCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cairn",
    abstract: "Keeps the state of long-running work through crashes.",
    subcommands: [
      DemoCommand.self, TortureCommand.self, SoakCommand.self, BackupCommand.self, VerifyCommand.self,
      RepairCommand.self, FormatCommand.self,
    ])
}
