import Foundation

/// Durable commits beside the physical limit, in interleaved rounds.
///
///     commit-benchmark [--quick] [--directory DIR]
///
/// `DIR`, by default a folder in the current directory, must be on the disk that is to be measured, not in
/// memory.
@main
struct CommitBenchmark {
  static func main() async throws {
    var arguments = Array(CommandLine.arguments.dropFirst())
    let isQuick = arguments.first == "--quick"
    if isQuick { arguments.removeFirst() }
    var base = FileManager.default.currentDirectoryPath + "/.build/commit-benchmark"
    if arguments.first == "--directory", arguments.count == 2 {
      base = arguments[1]
      arguments = []
    }
    guard arguments.isEmpty else {
      print("usage: commit-benchmark [--quick] [--directory DIR]")
      exit(64)
    }
    let rounds = isQuick ? 1 : 7
    let workloads = Workloads(base: base, seconds: isQuick ? 0.3 : 2)
    var measured = Measurements()
    for round in 1...rounds {
      FileHandle.standardError.write(Data("round \(round) of \(rounds)\n".utf8))
      measured.add("page written and synced", "/s", try workloads.physicalLimit())
      measured.add("durable put 256 B, 1 thread", "/s", try workloads.oneThread())
      let eight = try workloads.threads(8)
      measured.add("durable put 256 B, 8 threads", "/s", eight.commitsPerSecond)
      let many = try workloads.threads(64)
      measured.add("durable put 256 B, 64 threads", "/s", many.commitsPerSecond)
      measured.add("commits per sync, 64 threads", "", many.commitsPerSynchronization)
      measured.add("durable put 256 B, 1,000 tasks", "/s", try await workloads.tasks(1000))
      let empty = try workloads.emptyStore()
      measured.add("open an empty store", "ms", empty.openMilliseconds)
      measured.add("an empty store on disk", "KiB", Double(empty.bytes) / 1024)
    }
    print("\(rounds) interleaved rounds of \(workloads.seconds) s; medians, ± half the range\n")
    for row in measured.rows {
      let value = String(format: row.median < 100 ? "%9.1f" : "%9.0f", row.median)
      let name = row.name.padding(toLength: 34, withPad: " ", startingAt: 0)
      print("\(name) \(value) \(row.unit) ± \(String(format: "%.0f", row.spread * 100)) %")
    }
    let ratio = measured.ratio("durable put 256 B, 1 thread", "page written and synced")
    print("\n1 thread / limit, round by round, median: \(String(format: "%.2f", ratio)) (target 0.85)")
    let shared = String(format: "%.1f", measured.median("commits per sync, 64 threads"))
    print("commits per sync at 64 threads: \(shared) (target 20)")
  }
}
