import Testing

@testable import BenchmarkKit

@Suite struct ReportTests {
  private let runs = [Samples.measured(), Samples.scaling()]

  @Test func theTerminalTableIsAligned() {
    let lines = SectionGrid("Commits", of: runs[0], isMarkdown: false).values.terminalText.split(
      separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0].hasSuffix("× best peer  of the limit"))
    #expect(lines[2].hasPrefix("durable put    /s"))
    #expect(Set(lines.map(\.count)).count == 1)
  }

  @Test func everythingIsInTheTerminalReport() {
    let text = TerminalReport(runs).text
    for word in ["durable put", "220 ±75 %", "Redis is left out: it is not installed", "4 of 6 targets met"] {
      #expect(text.contains(word), "\(word)")
    }
    #expect(text.contains("missed: reopen: ≥ 5.00 × the best peer, measured 4.00"))
  }

  @Test func noiseIsShown() {
    var results = runs[0]
    for (round, value) in [(1, 100.0), (2, 100), (3, 10)] { results.probe(value, round: round) }
    let text = TerminalReport([results]).text
    #expect(text.contains("durable put ~"))
    #expect(text.contains("noisy rounds: 3 of 3"))
    #expect(!TerminalReport(runs).text.contains("~"))
  }

  @Test func markdownTablesHaveAsManyCellsInEachLine() {
    let document = ResultsDocument(runs, instructions: nil).markdown(replacing: nil)
    for table in document.split(separator: "\n\n") where table.hasPrefix("|") {
      let counts = table.split(separator: "\n").map { $0.count { $0 == "|" } }
      #expect(Set(counts).count == 1, "\(table)")
    }
  }

  @Test func aBarInACellIsNoBorder() {
    let grid = Grid(header: ["", "a"], rows: [["O_DIRECT|O_DSYNC", "1"]])
    #expect(grid.markdown.contains("O_DIRECT\\|O_DSYNC"))
  }

  @Test func theResultsPageSaysEverything() {
    let counts = InstructionCounts(
      compiler: "Swift 6", platform: "x86_64",
      entries: [
        .init(
          id: "get", name: "point get", unit: "get", instructions: 2071,
          shares: ["copying": 0.254, "checksum": 0.001])
      ])
    let text = ResultsDocument(runs, instructions: counts).markdown(replacing: nil)
    for word in [
      "`make bench`", "Kernel 1", "ext4 on disk,rw", "Swift 6", "a cache of 128 MiB", "**220** ±75 %",
      "4 of 6 are met", "**missed**", "not measured", "Nothing is left out.", "bytes on disk / user byte",
      "it is not installed", "promises less than the others", "scaling.svg",
      "| point get | 2,070 | get | 25 % |",
    ] {
      #expect(text.contains(word), "\(word)")
    }
  }

  @Test func growthIsHeldAgainstTheSteadiestPeer() throws {
    var results = Samples.scaling()
    let grid = try #require(GrowthGrid("Scaling", of: results).grid)
    // Both do a hundredth of the work a second with a hundred times the keys.
    #expect(grid.rows == [["point get, 100 k to 10 M keys", "100 ×", "100 ×", "met"]])
    for keys in [100_000, 10_000_000] {
      results.record(1000, row: "get-\(keys)", subject: "RocksDB", round: 1)
    }
    #expect(
      GrowthGrid("Scaling", of: results).grid?.rows == [
        ["point get, 100 k to 10 M keys", "100 ×", "1.00 ×", "100 ×", "missed"]
      ])
    #expect(GrowthGrid("Commits", of: Samples.measured()).grid == nil)
  }

  @Test func whatIsWrittenByHandIsKept() throws {
    let document = ResultsDocument(runs, instructions: nil)
    let marks = ResultsDocument.handWritten
    let first = document.markdown(replacing: nil)
    let edited = try marks.replacing(in: first, with: "A third of it is *waiting*.\n\n| a | b |\n")
    let second = document.markdown(replacing: edited)
    #expect(marks.part(of: second) == "A third of it is *waiting*.\n\n| a | b |\n")
    #expect(second == edited)
  }

  @Test func theReadmeBlockReplacesTheEarlierOne() throws {
    let block = ReadmeBlock(runs).markdown
    let readme = "# Name\n\n<!-- bench:begin -->\nold\n<!-- bench:end -->\n\nmore\n"
    let updated = try ReadmeBlock.marks.replacing(in: readme, with: block)
    #expect(updated == "# Name\n\n<!-- bench:begin -->\n\(block)<!-- bench:end -->\n\nmore\n")
    #expect(try ReadmeBlock.marks.replacing(in: updated, with: block) == updated)
    #expect(block.contains("| durable put | 220/s | 200/s (RocksDB) | 1.10 × | 250/s | 0.88 |"))
    // It is not among the main rows.
    #expect(!block.contains("reopen"))
  }

  @Test(arguments: [
    "", "<!-- bench:begin -->\nx\n", "<!-- bench:end -->\n", "<!-- bench:begin --><!-- bench:end -->",
  ])
  func withoutMarksNothingIsReplaced(text: String) {
    #expect(ReadmeBlock.marks.part(of: text) == nil)
    #expect(throws: MarkedText.MissingMark.self) { try ReadmeBlock.marks.replacing(in: text, with: "y\n") }
  }

  @Test func aQuickRunSaysSo() {
    let quick = [Samples.results(isQuick: true)]
    #expect(ReadmeBlock(quick).markdown.contains("quick"))
    #expect(TerminalReport(quick).text.contains("not to be quoted"))
    #expect(ResultsDocument(quick, instructions: nil).markdown(replacing: nil).contains("not to be quoted"))
  }

  @Test func reportsAreTheSameTwice() {
    #expect(ComparisonChart(runs).svg == ComparisonChart(runs).svg)
    let document = ResultsDocument(runs, instructions: nil)
    #expect(document.markdown(replacing: nil) == document.markdown(replacing: nil))
  }
}
