import ArgumentParser

/// `cairn soak removal`: how soon the space of what was removed comes back.
struct RemovalSoakCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "removal",
    abstract: "Fills a store, removes everything by one range, and watches the disk's space come back.")

  @Option(help: ArgumentHelp("How much to fill it with, in MiB.", valueName: "mib"))
  var size: Int = 512

  @Option(help: ArgumentHelp("How long the space may take to come back, in seconds.", valueName: "s"))
  var seconds: Int = 60

  @OptionGroup var options: SoakOptions

  func validate() throws {
    guard (16...1_000_000).contains(size) else { throw ValidationError("--size takes 16 to 1000000 MiB.") }
    guard (1...3600).contains(seconds) else { throw ValidationError("--seconds takes 1 to 3600.") }
  }

  func run() async throws {
    try await options.run("removal") { console, folder in
      let soak = RemovalSoak(
        seed: options.chosenSeed, bytes: UInt64(size) << 20,
        memoryLimit: options.memoryLimit(orMebibytes: 64),
        seconds: seconds)
      console.line(
        "cairn soak removal --size \(size) --seed \(soak.seed) --memory-limit \(soak.memoryLimit >> 20), in "
          + shown(folder.path))
      return try soak.run(in: folder, console)
    }
  }
}
