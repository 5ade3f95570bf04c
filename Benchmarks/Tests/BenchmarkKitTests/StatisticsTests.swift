import BenchmarkKit
import Foundation
import Testing

@Suite struct StatisticsTests {
  @Test(arguments: [([3], 3), ([1, 9], 5), ([9, 1, 4], 4), ([4, 3, 2, 1], 2.5)] as [([Double], Double)])
  func theMedianIsInTheMiddle(values: [Double], median: Double) {
    #expect(Statistics.median(values) == median)
  }

  @Test func withoutValuesThereIsNoMedian() {
    #expect(Statistics.median([]) == nil)
    #expect(Statistics.percentile([], 0.5) == nil)
    #expect(Statistics.spread([]) == 0)
  }

  @Test(
    arguments: [([10, 10], 0), ([8, 10, 12], 0.2), ([-12, -10, -8], 0.2), ([0, 0], 0)] as [([Double], Double)]
  )
  func theSpreadIsHalfTheRangeAgainstTheMedian(values: [Double], spread: Double) {
    #expect(abs(Statistics.spread(values) - spread) < 1e-12)
  }

  @Test(arguments: [(0.0, 1.0), (0.5, 50), (0.99, 99), (1, 100)])
  func aPercentileIsAValue(fraction: Double, value: Double) {
    #expect(Statistics.percentile((1...100).map(Double.init).reversed(), fraction) == value)
  }

  @Test func ratiosAreTakenRoundByRound() {
    var results = Samples.results()
    results.add(Row("put", section: "Commits", name: "put", unit: "/s"))
    // The machine was fast in the second round, and for one of the two in the third as well.
    for (round, pair) in [(110.0, 100.0), (220, 440), (440, 100)].enumerated() {
      results.record(pair.0, row: "put", subject: "Cairn", round: round)
      results.record(pair.1, row: "put", subject: "RocksDB", round: round)
    }
    // Of the medians it would be 2.2.
    #expect(results.ratio("put", "Cairn", to: "RocksDB") == 1.1)
  }

  @Test func runsAreFoundInTheirFolder() throws {
    let folder = try ScratchFolder(below: NSTemporaryDirectory(), "cairn-benchmark-tests")
    let runs = [Samples.scaling(), Samples.measured()]
    for run in runs { try ResultsFile.write(run, to: folder.path) }
    #expect(try ResultsFile.readAll(in: folder.path) == runs)
    try ResultsFile.write(Samples.results("store"), to: folder.path)
    #expect(try ResultsFile.readAll(in: folder.path).count == 2)
  }

  @Test func whereLessIsBetterTheRatioIsTurnedAround() throws {
    let ratio = try #require(Samples.measured().ratio("open", "Cairn", to: "RocksDB"))
    #expect(ratio == 4)
  }

  @Test func aRatioNeedsARoundThatHasBoth() {
    var results = Samples.measured()
    results.record(1, row: "open", subject: "LMDB", round: 9)
    results.record(0, row: "open", subject: "LMDB", round: 1)
    #expect(results.ratio("open", "Cairn", to: "LMDB") == nil)
    #expect(results.ratio("nothing", "Cairn", to: "LMDB") == nil)
  }

  @Test func theBestIsTheOneOfItsRoleWithTheBestMedian() throws {
    let results = Samples.measured()
    let put = try #require(results.row("put"))
    let open = try #require(results.row("open"))
    #expect(results.best(.peer, in: put)?.name == "RocksDB")
    #expect(results.best(.limit, in: put)?.name == "limit direct")
    #expect(results.best(.peer, in: open)?.name == "RocksDB")
    #expect(results.best(.limit, in: open) == nil)
  }

  @Test func aRoundIsNoisyWhereTheDiskAloneWasNotAsUsual() {
    var results = Samples.measured()
    for (round, value) in [(1, 100.0), (2, 100), (3, 65)] { results.probe(value, round: round) }
    #expect(results.noisyRounds() == [3])
    results.probe(140, round: 2, row: "open")
    results.probe(140, round: 2, row: "open")
    #expect(results.noisyRounds(row: "put") == [3])
    #expect(results.noisyRounds(row: "open") == [2, 3])
  }

  @Test func theProcessorIsJudgedByItself() {
    var results = Samples.measured()
    for (round, value) in [(1, 100.0), (2, 100), (3, 100)] { results.probe(value, round: round, row: "put") }
    for (round, value) in [(1, 9.0), (2, 5), (3, 9)] {
      results.probe(value, of: .processor, round: round, row: "open")
    }
    #expect(results.noisyRounds(row: "put") == [])
    #expect(results.noisyRounds(row: "open") == [2])
    #expect(results.noisyRounds() == [2])
  }

  @Test func withoutProbesNothingIsNoisy() {
    #expect(Samples.measured().noisyRounds() == [])
  }

  @Test func everybodyBeginsInTurn() {
    let orders = (1...6).map { Interleaving.order(["a", "b", "c"], round: $0).joined() }
    #expect(orders == ["abc", "bca", "cab", "cba", "acb", "bac"])
    #expect(Interleaving.order([Int](), round: 3) == [])
  }

  @Test func resultsComeBackFromTheirFile() throws {
    var results = Samples.measured()
    results.probe(100, round: 1, row: "put")
    let data = try ResultsFile.encode(results)
    #expect(try ResultsFile.decode(Results.self, data) == results)
    #expect(try ResultsFile.encode(ResultsFile.decode(Results.self, data)) == data)
    #expect(try ResultsFile.decode([Results].self, ResultsFile.encodeCompact([results])) == [results])
  }

  @Test func rowsAndSubjectsAreAddedOnce() {
    var results = Samples.measured()
    let rows = results.rows
    results.add(Row("put", section: "Other", name: "other", unit: "ms"))
    results.add(Subject("Cairn", .peer))
    #expect(results.rows == rows)
    #expect(results.subject("Cairn")?.role == .ours)
  }
}
