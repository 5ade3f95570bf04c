import ArgumentParser
import CairnEngine
import CairnKV

/// `cairn repair`: copies what is good of a damaged store into a new one.
struct RepairCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Copy everything provably good of a damaged store into a new one, and say what is missing.",
    discussion: """
      The damaged store is only read; nobody may have it open. Restoring a backup is better where \
      there is one.

      A part that is lost may have held the removal of any key in its range. Older values of such \
      keys are doubtful: they are left out, so that nothing removed comes back, unless \
      --keep-doubtful is given. When a log is damaged, everything older than what it lost is doubtful.

      Exits with 0 when nothing is missing, 1 when no new store was made, 2 when the new store lacks \
      something or has something doubtful, 64 when the command makes no sense.
      """)

  @Argument(help: ArgumentHelp("The folder of the damaged store.", valueName: "from"))
  var source: String

  @Argument(
    help: ArgumentHelp("The folder of the new store, which must not exist or be empty.", valueName: "to"))
  var destination: String

  @Flag(help: "Take over values that something lost may have removed or overwritten.")
  var keepDoubtful = false

  @Option(help: ArgumentHelp("How many losses to print.", valueName: "n"))
  var limit = 100

  func validate() throws {
    if source.isEmpty || destination.isEmpty { throw ValidationError("Name both folders.") }
    guard (0...1_000_000).contains(limit) else { throw ValidationError("--limit takes 0 to 1000000.") }
  }

  func run() async throws {
    let console = Console()
    var options = RepairOptions()
    options.keepsDoubtful = keepDoubtful
    options.lossLimit = limit
    let report: RepairReport
    do {
      report = try await Engine.repair(from: source, to: destination, options: options)
    } catch {
      console.complaint("cairn repair: \(shown("\(error)"))")
      throw ExitCode.failure
    }
    for line in RepairLines(report).all { console.line(line) }
    if !report.isWhole { throw ExitCode(2) }
  }
}

/// A report as lines for a person.
struct RepairLines {
  let all: [String]

  init(_ report: RepairReport) {
    var lines = report.losses.map { loss in
      let sequences = "\(loss.firstSequence) to \(loss.lastSequence.map { "\($0)" } ?? "an unknown one")"
      return "LOST  " + shown(loss.description)
        + "; concerns \(Self.text(loss.range)), sequence numbers \(sequences)"
    }
    if report.lossCount > UInt64(report.losses.count) {
      lines.append("… and \(report.lossCount - UInt64(report.losses.count)) more (--limit)")
    }
    for range in report.doubtfulRanges {
      lines.append("DOUBTFUL  \(Self.text(range))\(report.hasDoubtful ? ", taken over" : ", left out")")
    }
    lines.append("\(report.keyCount) keys taken over.")
    if report.doubtfulKeyCount > 0, !report.hasDoubtful {
      lines.append(
        "\(report.doubtfulKeyCount) keys were left out, since something lost may have removed or overwritten "
          + "them. To have them as they last were, repair into another folder with --keep-doubtful.")
    }
    lines.append(report.isWhole ? "Nothing is missing." : "\(report.lossCount) parts could not be read.")
    all = lines
  }

  /// A range as people read it: the first bytes of its bounds in hexadecimal.
  private static func text(_ range: KeyRange) -> String {
    if range == .all { return "any key" }
    return "keys from \(text(range.lower)) " + (range.upper.map { "to before \(text($0))" } ?? "on")
  }

  private static func text(_ key: [UInt8]) -> String {
    let digits = key.prefix(24).map { byte in
      let text = String(byte, radix: 16, uppercase: true)
      return byte < 16 ? "0" + text : text
    }
    return "[" + digits.joined(separator: " ") + (key.count > 24 ? " …" : "") + "]"
  }
}
