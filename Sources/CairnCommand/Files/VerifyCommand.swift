import ArgumentParser
import CairnEngine
import CairnKV

/// `cairn verify`: reads a store that nobody has open, and says what is wrong with it.
struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Read every file of a store, and say what is damaged.",
    discussion: """
      Nothing is written, and no lock is taken: nobody may have the store open meanwhile (a program \
      that has it open verifies it with Engine.verify).

      Depths: structure reads the manifest, and header or footer of each file; checksums reads every \
      byte; everything decodes it too and compares all with all.

      Exits with 0 when all is well, 1 when the store could not be read at all, 2 when damage was \
      found, 64 when the command makes no sense.
      """)

  @Argument(help: ArgumentHelp("The folder of the store.", valueName: "dir"))
  var store: String

  @Option(help: ArgumentHelp("How deep to look: structure, checksums or everything.", valueName: "depth"))
  var depth = DepthArgument.everything

  @Option(help: ArgumentHelp("How many violations to print.", valueName: "n"))
  var limit = 100

  @Flag(help: "Print also how often each check was made.")
  var counts = false

  func validate() throws {
    if store.isEmpty { throw ValidationError("Name the store's folder.") }
    guard (0...1_000_000).contains(limit) else { throw ValidationError("--limit takes 0 to 1000000.") }
  }

  func run() async throws {
    let console = Console()
    let report: VerificationReport
    do {
      report = try await Engine.verify(at: store, depth.depth, violationLimit: limit)
    } catch {
      console.complaint("cairn verify: \(shown("\(error)"))")
      throw ExitCode.failure
    }
    for line in VerificationLines(report, withCounts: counts).all { console.line(line) }
    if !report.isSound { throw ExitCode(2) }
  }
}

/// A report as lines for a person.
struct VerificationLines {
  let all: [String]

  init(_ report: VerificationReport, withCounts: Bool) {
    var lines = report.violations.map { "DAMAGE  " + shown($0.description) }
    if report.violationCount > UInt64(report.violations.count) {
      lines.append("… and \(report.violationCount - UInt64(report.violations.count)) more (--limit)")
    }
    if withCounts {
      for check in VerificationCheck.allCases {
        if let count = report.examined[check] { lines.append("\(check.rawValue): \(count)") }
      }
    }
    let checks = report.examined.values.reduce(0, &+)
    lines.append("\(report.bytesRead) bytes read, \(checks) checks of \(report.examined.count) kinds made.")
    lines.append(
      report.isSound
        ? "All is well, down to the depth \(report.depth)."
        : "\(report.violationCount) violations. Restore the files named from a backup, or copy what is good "
          + "with cairn repair.")
    all = lines
  }
}

/// A depth as it is typed.
enum DepthArgument: String, CaseIterable, ExpressibleByArgument {
  case structure, checksums, everything

  var depth: VerificationDepth {
    switch self {
    case .structure: .structure
    case .checksums: .checksums
    case .everything: .everything
    }
  }
}
