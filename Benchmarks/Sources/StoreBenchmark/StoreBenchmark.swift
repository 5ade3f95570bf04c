import BenchmarkKit
import Foundation
import Peers

/// Key-value workloads, the same code for Cairn, its peers and the disk's own limits, in interleaved rounds.
///
///     store-benchmark [--quick] [--full] [--rounds N] [--seconds S] [--only ID[,ID]] [--subjects A,B] [--directory DIR]
///
/// Leaves its results in `.build/results/store.json`, for the reports.
@main
struct StoreBenchmark {
  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments.first == ChildProcess.flag { return try ChildProcess.serve(Array(arguments.dropFirst())) }
    guard let options = try? Options(arguments) else {
      print(Options.usage)
      exit(64)
    }
    let start = ContinuousClock.now
    var driver = try Driver(options)
    for scenario in scenarios(options) {
      let began = ContinuousClock.now
      try driver.run(scenario)
      Progress.say("\(type(of: scenario)): \((ContinuousClock.now - began).formatted())")
    }
    let file = try ResultsFile.write(driver.results)
    print(Summary.text(driver.results))
    print("\(file), after \((ContinuousClock.now - start).formatted())")
    if driver.results.skipped.contains(where: { $0.subject.hasPrefix("Cairn") }) { exit(1) }
  }

  private static func scenarios(_ options: Options) -> [any Scenario] {
    let sizes = options.sizes
    // Those that sync come first: what follows writes gigabytes.
    let all: [any Scenario] = [
      ProcessorRates(sizes), DurablePuts(sizes), BesideWriter(sizes), Checkpoints(sizes), Reads(sizes),
      NewestInPrefix(sizes), Reopening(sizes), ManySegments(sizes), YCSB(sizes), BulkLoads(sizes),
      Removal(sizes),
    ]
    return options.isFull ? all + [Growth(sizes)] : all
  }
}
