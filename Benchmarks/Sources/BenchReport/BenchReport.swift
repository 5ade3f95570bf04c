import BenchmarkKit
import Foundation

/// Writes what the benchmarks left behind: a table to the terminal, and the files that are kept.
///
///     bench-report [--results DIR] [--into DIR]
///
/// By default it writes `RESULTS.md`, `results.json`, `chart.svg` and, if there is anything to show, `scaling.svg` in
/// the current directory, and the block in `../README.md`. With `--into` all of that goes to another directory, the
/// block as `README-block.md`, and nothing that is kept is touched.
@main
struct BenchReport {
  static func main() throws {
    var results = ResultsFile.folder
    var into: String?
    var arguments = CommandLine.arguments.dropFirst()
    while let argument = arguments.popFirst() {
      switch (argument, arguments.popFirst()) {
      case ("--results", let value?): results = value
      case ("--into", let value?): into = value
      default: fail("usage: bench-report [--results DIR] [--into DIR]", status: 64)
      }
    }
    let runs: [Results]
    do {
      runs = try ResultsFile.readAll(in: results)
    } catch {
      fail("the results in \(results) cannot be read: \(error.localizedDescription)", status: 1)
    }
    guard !runs.isEmpty else { fail("there are no results in \(results)", status: 1) }
    if into == nil, runs.contains(where: \.isQuick) {
      fail("a quick run is not to be kept: use --into, or measure in full", status: 1)
    }
    print(TerminalReport(runs).text)
    for path in try write(runs, to: into) { print("wrote \(path)") }
  }

  /// Writes the files.
  /// - Returns: their paths.
  private static func write(_ runs: [Results], to into: String?) throws -> [String] {
    let folder = into ?? "."
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var written: [String] = []
    func write(_ text: String, _ path: String) throws {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      written.append(path)
    }
    // Two runs of `bench-report` on the same results write the same bytes.
    let earlier = try? String(contentsOfFile: "RESULTS.md", encoding: .utf8)
    let instructions = try InstructionCountsFile.read()
    try write(
      ResultsDocument(runs, instructions: instructions).markdown(replacing: earlier), folder + "/RESULTS.md")
    try write(String(decoding: ResultsFile.encodeCompact(runs), as: UTF8.self), folder + "/results.json")
    try write(ComparisonChart(runs).svg, folder + "/chart.svg")
    let scaling = ScalingChart(runs)
    if !scaling.isEmpty { try write(scaling.svg, folder + "/scaling.svg") }
    let block = ReadmeBlock(runs).markdown
    if into == nil {
      let readme = try String(contentsOfFile: "../README.md", encoding: .utf8)
      try write(ReadmeBlock.marks.replacing(in: readme, with: block), "../README.md")
    } else {
      try write(block, folder + "/README-block.md")
    }
    return written
  }

  private static func fail(_ message: String, status: Int32) -> Never {
    FileHandle.standardError.write(Data((message + "\n").utf8))
    exit(status)
  }
}
