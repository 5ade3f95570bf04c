import Testing

@testable import BenchmarkKit

@Suite struct JudgementTests {
  private let results = Samples.measured()

  private func verdicts(_ id: Row.ID) throws -> [Bool?] {
    Judgement(try #require(results.row(id)), in: results).verdicts.map(\.isMet)
  }

  @Test func targetsAreHeldAgainstWhatTheyName() throws {
    // 1.1 of the best peer, 0.88 of the better limit, 4.4 of LMDB, and nobody.
    #expect(try verdicts("put") == [true, false, true, nil])
    // 110 ms at most 150, 4 times instead of 5.
    #expect(try verdicts("open") == [true, false])
    // 100 ms against 110 in another row.
    #expect(try verdicts("open-again") == [true])
    #expect(results.judgements.last?.verdicts.first?.measured == 1.1)
  }

  @Test func oursIsTheBestOfOurs() throws {
    var results = results
    results.add(Subject("Cairn ingest", .ours))
    for round in 1...3 { results.record(1000, row: "put", subject: "Cairn ingest", round: round) }
    let judgement = Judgement(try #require(results.row("put")), in: results)
    #expect(judgement.ours?.name == "Cairn ingest")
    #expect(judgement.toPeer == 5)
  }

  @Test func targetsAreCounted() {
    let tally = [results].targetTally
    #expect(tally.met == 4 && tally.measured == 6)
  }

  @Test func targetsReadAsInAnIssue() throws {
    let put = try #require(results.row("put"))
    let open = try #require(results.row("open"))
    let again = try #require(results.row("open-again"))
    #expect(
      put.targets.map { Judgement.text($0, of: put, in: results) } == [
        "≥ 1.10 × the best peer", "≥ 0.90 of the limit", "≥ 3.00 × LMDB", "≥ 1.00 × Nobody",
      ])
    #expect(Judgement.text(open.targets[0], of: open, in: results) == "≤ 150 ms")
    #expect(Judgement.text(again.targets[0], of: again, in: results) == "≥ 0.90 of “reopen”")
  }

  @Test(arguments: [
    (0.0, "0"), (0.2, "0.200"), (0.0042, "0.00420"), (9.999, "10.0"), (26.14, "26.1"), (442.4, "442"),
    (5954, "5,950"), (39_949, "39,900"), (99_949, "99,900"), (99_951, "100 k"), (999_499, "999 k"),
    (999_600, "1.00 M"), (2_590_000, "2.59 M"), (23.7e9, "23.7 G"), (-1234, "-1,230"), (.nan, "–"),
  ])
  func figuresHaveThreeDigits(value: Double, text: String) {
    #expect(Figures.value(value) == text)
  }

  @Test(arguments: [
    (1.0, "1"), (0.5, "0.5"), (100, "100"), (100_000, "100 k"), (2_000_000, "2 M"), (20, "20"),
  ])
  func ticksHaveAsFewAsTheyCan(value: Double, text: String) {
    #expect(Figures.tick(value) == text)
  }

  @Test(arguments: [
    (1.314, "1.31"), (0.9, "0.90"), (12.34, "12.3"), (0.0042, "1/238"), (0.0949, "1/11"), (9.999, "10.0"),
  ])
  func ratiosHaveTwoDecimalsOrAreFractions(value: Double, text: String) {
    #expect(Figures.ratio(value) == text)
  }
}
