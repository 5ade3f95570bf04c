import ArgumentParser
import CairnEngine
import CairnKV
import Foundation

/// `cairn torture writer`: makes numbered operations, and says of each when it begins and when it is done.
struct TortureWriterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "writer",
    abstract: "Write to a store, and print what is begun and what is acknowledged.",
    discussion: """
      Prints, each line with one write(2) to standard output:

        RESUME k     the store is open, and operation k is the first that it does not hold
        BEGIN k      operation k begins
        ACK k        it is done, and durable
        BUFFERED k   it is done, and survives the end of the process, not that of the power (with --mix)
        BACKUP k     a backup is finished that began after operation k was done (with --mix)

      Operations count from 1; each is one atomic commit (or ingest) of several keys, with values of 0 bytes to \
      120 KiB, and follows from the seed and its number alone. The store itself records which operations it \
      holds, in the same commit, so that the next writer goes on with the first that is missing, with any \
      number of threads. Threads acknowledge in any order; of operations whose numbers differ by a multiple of \
      16, the smaller is done before the greater begins.

      Backups go into DIR.backup, always the same: each brings what is new since the last one. One of an \
      earlier store is removed when there is no store in DIR.

      --kill-at ends the process with SIGKILL at a call that the engine makes of its file system: KIND:N:WHEN \
      for the N-th call of a kind, with before or after for WHEN, and for write and writethrough also torn or \
      torn:BYTES, which writes half of the bytes, or so many. Kinds: \
      \(FileCall.allCases.map(\.rawValue).joined(separator: ", ")).

      Exits with 0 when all operations are done, 1 when one failed, with the error on standard error, 64 when \
      the command makes no sense.
      """)

  @Argument(help: ArgumentHelp("The folder of the store; made if it is not there.", valueName: "dir"))
  var directory: String

  @Argument(help: ArgumentHelp("How many operations to make.", valueName: "count"))
  var count: UInt64

  @OptionGroup var script: CrashScriptOptions

  @Option(help: ArgumentHelp("How many threads make them.", valueName: "n"))
  var threads: Int = 1

  @Option(
    name: .customLong("kill-at"), help: ArgumentHelp("At which call to die.", valueName: "kind:n:when"))
  var killAt: KillPoint?

  /// For races: opens the store at this time, in nanoseconds since the machine started.
  @Option(name: .customLong("open-at"), help: .hidden)
  var openAt: UInt64?

  func validate() throws {
    if directory.isEmpty { throw ValidationError("Name the store's folder.") }
    guard (1...1 << 32).contains(count) else { throw ValidationError("COUNT is 1 to 4294967296.") }
    guard (1...CrashLane.count).contains(threads) else {
      throw ValidationError("--threads takes 1 to \(CrashLane.count).")
    }
  }

  func run() async throws {
    var environment = Environment.system
    if let killAt {
      environment.fileSystem = KillingFileSystem(
        base: environment.fileSystem, killSwitch: KillSwitch(killAt))
    }
    if let openAt { Self.wait(until: openAt) }
    let writer = CrashWriter(
      directory: directory, script: script.script, count: count, threads: threads, environment: environment
    ) { try $0.write(to: STDOUT_FILENO) }
    do {
      try writer.run()
    } catch {
      Console().complaint("cairn torture writer: \(shown("\(error)"))")
      throw ExitCode.failure
    }
  }

  /// Sleeps until shortly before, and then does not sleep: others wait for the same moment.
  private static func wait(until time: UInt64) {
    while true {
      let now = DispatchTime.now().uptimeNanoseconds
      if now >= time { return }
      if time - now > 2_000_000 { usleep(UInt32(min(time - now - 1_000_000, 100_000_000) / 1000)) }
    }
  }
}
