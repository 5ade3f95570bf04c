import ArgumentParser
import Cairn
import Foundation

/// `cairn demo`: shows what Cairn is for, on work that can be watched and killed.
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "An agent reviews a folder of documents; kill it at any moment, it resumes exactly.",
    discussion: """
      The agent reviews one document after the other and records each review in a store before it \
      goes on; with every tenth it saves a checkpoint of its state in the same commit. Kill it (kill \
      -9) whenever you like and run the same command again: it goes on after the last recorded \
      review, reviews nothing twice, and ends with the same report, byte for byte.

      Without --documents it writes itself a hundred invoices, some with mistakes, into a folder \
      beside the store; they are always the same. With --documents it reviews whatever is in that \
      folder and below: what is no readable text is recorded with the reason. The folder is never \
      written to.

      With --torture it proves this on real processes: it starts itself in a temporary folder, kills \
      it at random moments, N times in all, checks the store after every kill, and prints what was \
      checked and where the kills landed. It fails when anything is not as promised, or when fewer \
      than nine in ten kills landed between the first and the last step.

      Exits with 0 when all went well, 1 when something failed, 64 when the command makes no sense.
      """)

  @Option(help: ArgumentHelp("The folder of documents to review.", valueName: "dir"))
  var documents: String?

  @Option(help: ArgumentHelp("The folder of the store; made if it is not there.", valueName: "dir"))
  var store: String = "cairn-demo"

  @Option(help: ArgumentHelp("Write the report to this file, whole or not at all.", valueName: "file"))
  var report: String?

  @Option(
    help: ArgumentHelp(
      "How long to think about each document, in milliseconds (default: 30; 1 with --torture).",
      valueName: "ms"))
  var pace: Int?

  @Option(help: ArgumentHelp("Kill the work this many times, and check everything.", valueName: "n"))
  var torture: Int?

  @Option(
    help: ArgumentHelp(
      "What --torture draws its kill moments from (default: a new one each time).", valueName: "n"))
  var seed: UInt64?

  /// For the processes that `--torture` starts: prints each step as it happens, and nothing else.
  @Flag(help: .hidden)
  var acknowledge = false

  func validate() throws {
    if let pace, !(0...60_000).contains(pace) {
      throw ValidationError("--pace takes 0 to 60000 milliseconds.")
    }
    if let torture {
      guard (1...100_000).contains(torture) else {
        throw ValidationError("--torture takes 1 to 100000 kills.")
      }
      guard documents == nil, report == nil, store == "cairn-demo", !acknowledge else {
        throw ValidationError(
          "--torture works in a temporary folder of its own: only --pace and --seed go with it.")
      }
    } else if seed != nil {
      throw ValidationError("--seed goes with --torture: it chooses the moments of the kills.")
    }
    for (option, value) in [("--documents", documents), ("--store", store), ("--report", report)]
    where value == "" {
      throw ValidationError("\(option) takes a path, not nothing.")
    }
  }

  func run() async throws {
    let console = Console()
    do {
      if let torture {
        let seed = seed ?? UInt64.random(in: 0...999_999)
        let proof = Torture(kills: torture, seed: seed, paceMilliseconds: pace ?? 1, console: console)
        guard try await proof.run() else { throw ExitCode.failure }
      } else {
        try await DemoRun(
          documents: documents, storePath: store, report: report, pace: .milliseconds(pace ?? 30),
          acknowledges: acknowledge, console: console
        ).run()
      }
    } catch let exit as ExitCode {
      throw exit
    } catch {
      console.complaint("cairn demo: \(Self.sentence(error, store: store))")
      throw ExitCode.failure
    }
  }

  /// An error as one line.
  private static func sentence(_ error: any Error, store: String) -> String {
    var cause = error as? StorageError
    if case .storage(let inner)? = error as? StoreError { cause = inner }
    if let cause, cause.code == .locked {
      let holder = cause.holder.map { " by process \($0)" } ?? ""
      return "the store \(shown(store)) is in use\(holder): wait for its end, or give another --store"
    }
    if cause != nil || error is StoreError { return "the store \(shown(store)): " + shown("\(error)") }
    return shown("\(error)")
  }
}
