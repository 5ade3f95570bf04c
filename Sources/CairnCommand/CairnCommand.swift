import ArgumentParser

@main struct CairnCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cairn", abstract: "Keeps the state of long-running work through crashes.")
}
