import BenchmarkKit
import Foundation

/// What a workflow asks of its store, side by side: Cairn, SQLite, Redis, PostgreSQL, each durable at every commit.
///
///     workflow-benchmark [--quick] [--rounds N] [--seconds S] [--subjects A,B] [--directory DIR]
///
/// Starts the servers itself, in scratch folders. Leaves its results in `.build/results/workflow.json`, for the
/// reports.
@main
struct WorkflowBenchmark {
  static func main() async throws {
    guard let options = try? WorkflowOptions(Array(CommandLine.arguments.dropFirst())) else {
      print(WorkflowOptions.usage)
      exit(64)
    }
    var driver = WorkflowDriver(options)
    try await driver.run()
    let file = try ResultsFile.write(driver.results)
    print(TerminalReport([driver.results]).text)
    print("wrote \(file)")
  }
}
