import ArgumentParser
import Foundation

/// `cairn soak mixed`: everything at once, killed again and again.
struct MixedSoakCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mixed",
    abstract: "Writes, reads, removals, snapshots and kills, checked against a model (the default).",
    discussion: """
      A process writes values of 20 bytes to 4 MiB, overwrites and removes them one by one and by \
      ranges, in batches and transactions, durable and buffered, while other threads hold snapshots \
      and read them in every way. It is killed at random moments, also while it recovers from the \
      kill before, or closes and opens the store itself. The next process compares every byte with \
      what must be there: all that was acknowledged, and nothing that was not. At the end the store \
      is left alone for a while, and what it takes on disk is measured.
      """)

  @Option(help: ArgumentHelp("How long to write and kill, in seconds.", valueName: "s"))
  var seconds: Int = 600

  @Option(
    name: .customLong("live"),
    help: ArgumentHelp(
      "How much the store holds in the long run, in MiB (default: 256, less for less than 5 minutes).",
      valueName: "mib"))
  var liveMebibytes: Int?

  @Option(help: ArgumentHelp("How many threads write, each to keys of its own.", valueName: "n"))
  var writers: Int = 2

  @Option(help: ArgumentHelp("How many threads keep and check snapshots.", valueName: "n"))
  var readers: Int = 2

  @OptionGroup var options: SoakOptions

  func validate() throws {
    guard (5...10_000_000).contains(seconds) else { throw ValidationError("--seconds takes 5 to 10000000.") }
    guard (1...64).contains(writers) else { throw ValidationError("--writers takes 1 to 64.") }
    guard (0...64).contains(readers) else { throw ValidationError("--readers takes 0 to 64.") }
    // A batch may have several values of 4 MiB, and a transaction takes half of the limit at most.
    if let limit = options.memoryLimitMebibytes, limit < 32 {
      throw ValidationError("--memory-limit takes at least 32 MiB here: some commits are large.")
    }
    if let liveMebibytes, !(1...1_000_000).contains(liveMebibytes) {
      throw ValidationError("--live takes 1 to 1000000 MiB.")
    }
  }

  func run() async throws {
    try await options.run("mixed") { console, folder in
      let live = liveMebibytes ?? min(256, max(16, seconds))
      let plan = MixedSession.Plan(
        folder: folder.path, seed: options.chosenSeed, lanes: writers, liveBytes: live << 20,
        memoryLimit: options.memoryLimit(orMebibytes: 64))
      console.line(
        "cairn soak mixed --seconds \(seconds) --seed \(plan.seed) --live \(live) --writers \(writers) "
          + "--readers \(readers) --memory-limit \(plan.memoryLimit >> 20), in \(shown(folder.path))")
      var soak = try MixedSoak(plan: plan, seconds: seconds, readers: readers, console: console)
      return try soak.run()
    }
  }
}

/// The processes that `cairn soak mixed` starts and kills.
struct MixedSessionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "mixed-session", shouldDisplay: false)

  @Option var folder: String
  @Option var seed: UInt64
  @Option var lanes: Int
  @Option var live: Int
  @Option var memory: Int
  @Option var readers: Int
  @Option var number: Int
  @Option var quiet: Int
  /// Milliseconds of writing, once for each opening.
  @Option var leg: [Int] = []

  /// What the supervisor passes on.
  static func arguments(
    _ plan: MixedSession.Plan, readers: Int, number: Int, legs: [Int], quietMilliseconds: Int
  ) -> [String] {
    [
      "soak", "mixed-session", "--folder", plan.folder, "--seed", "\(plan.seed)", "--lanes", "\(plan.lanes)",
      "--live", "\(plan.liveBytes)", "--memory", "\(plan.memoryLimit)", "--readers", "\(readers)",
      "--number", "\(number)", "--quiet", "\(quietMilliseconds)",
    ] + legs.flatMap { ["--leg", "\($0)"] }
  }

  func run() async throws {
    let console = Console()
    let plan = MixedSession.Plan(
      folder: folder, seed: seed, lanes: lanes, liveBytes: live, memoryLimit: memory)
    let session = MixedSession(
      plan: plan, legMilliseconds: leg, quietMilliseconds: quiet, keepers: readers, number: number
    ) { console.line($0.text) }
    do {
      try session.run()
    } catch {
      // One line, whatever the error says.
      let words = "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
      console.line(SessionLine.violation(words).text)
      throw ExitCode.failure
    }
  }
}
