import ArgumentParser
import Foundation

/// `cairn torture run`: kills writers again and again, and checks what is left.
struct TortureRunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Kill writers at random moments and at every kind of call, and check after each (the default).",
    discussion: """
      Starts writers in a folder of its own, on one store after the other. Some are killed at random moments, \
      some at the n-th call of a kind that the engine makes of its file system, before it, after it, or in the \
      midst of a write; some are stopped for a while first; and now and then two open the same store at the \
      same moment, of which one must have it and the other must be refused at once. After each, a copy of the \
      store is compared with all that was acknowledged, and its backup as well, if its writers take backups; and the next writer goes on with the store as the kill \
      left it, or with the copy.

      With --every-call every kind of call is gone through from the first to the last that a writer makes, at \
      each moment, on a new store and on an old one: some thousands of kills, however many --kills says.

      Prints what was done. Exits with 0 when all is as promised, 1 when not, with one line that tells how to \
      have the same again and where the store is kept, 64 when the command makes no sense.
      """)

  @Option(help: ArgumentHelp("How many writers to kill.", valueName: "n"))
  var kills: Int = 200

  @Option(help: ArgumentHelp("Stop after so many seconds, however many were killed.", valueName: "s"))
  var seconds: Int?

  @Option(
    help: ArgumentHelp(
      "What everything random follows from (default: a new one each time, which is printed).", valueName: "n")
  )
  var seed: UInt64?

  @Option(
    help: ArgumentHelp("How many threads a writer has (default: 1 to 8, as it comes).", valueName: "n"))
  var threads: Int?

  @Flag(help: "Every store is written to in every way (default: every second one).")
  var mix = false

  @Flag(name: .customLong("every-call"), help: "Kill at each call that writers make, and in no other way.")
  var isAtEveryCall = false

  @Flag(help: "Also print what was counted for scripts: figure NAME | FLOOR | REACHED | COMMAND.")
  var figures = false

  @Option(
    help: ArgumentHelp(
      "Where to make the folder to work in (default: below .build here, or the temporary directory).",
      valueName: "dir"))
  var directory: String?

  func validate() throws {
    guard (1...1_000_000).contains(kills) else { throw ValidationError("--kills takes 1 to 1000000.") }
    if let seconds, !(1...10_000_000).contains(seconds) {
      throw ValidationError("--seconds takes 1 to 10000000.")
    }
    if let threads, !(1...CrashLane.count).contains(threads) {
      throw ValidationError("--threads takes 1 to \(CrashLane.count).")
    }
    if directory == "" { throw ValidationError("--directory takes a path, not nothing.") }
  }

  func run() async throws {
    let console = Console()
    do {
      let folder = try SoakFolder(below: directory, name: "cairn-torture")
      let plan = CrashDriver.Plan(
        kills: kills, seconds: seconds, seed: seed ?? UInt64.random(in: 0...999_999), threads: threads,
        isMixed: mix, isAtEveryCall: isAtEveryCall)
      console.line("\(plan.command), in \(shown(folder.path))")
      var driver = CrashDriver(
        plan: plan, folder: folder.path, console: console, executable: try SupervisedProcess.ownExecutable())
      let report = try driver.run()
      for line in report.lines { console.line(line) }
      if figures { for line in driver.figures { console.line(line) } }
      guard report.holds else {
        console.line("NOT AS PROMISED. The folder is kept: \(shown(folder.path))")
        throw ExitCode.failure
      }
      folder.remove()
      console.line("Everything is as promised.")
    } catch let exit as ExitCode {
      throw exit
    } catch {
      console.complaint("cairn torture run: \(shown("\(error)"))")
      throw ExitCode.failure
    }
  }
}
