import Foundation
import Testing

@testable import BenchmarkKit

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct ChartTests {
  private let runs = [Samples.measured(), Samples.scaling()]

  @Test func chartsAreWellFormed() throws {
    for svg in [
      ComparisonChart(runs).svg, ScalingChart(runs).svg, ComparisonChart([]).svg, ScalingChart([]).svg,
    ] {
      let parser = XMLParser(data: Data(svg.utf8))
      #expect(parser.parse(), "\(parser.parserError.map { "\($0)" } ?? "") in \(svg)")
    }
  }

  @Test func everySubjectWithAValueIsDrawnAndNamed() {
    let svg = ComparisonChart(runs).svg
    #expect(svg.contains("<title>Cairn: 220 /s, 1.10 × the best peer</title>"))
    #expect(svg.contains("<title>RocksDB recycled logs: 1,000 /s, 5.00 × the best peer</title>"))
    for name in ["Cairn", "RocksDB", "LMDB", "RocksDB recycled logs"] {
      #expect(svg.contains(">\(name)</text>"))
    }
    // The better limit of the one row that has any, and the sample in the legend.
    #expect(svg.components(separatedBy: "class=\"limit\"").count - 1 == 2)
    // A row without a peer cannot be compared, and what belongs to the other chart is not drawn twice.
    #expect(!svg.contains("reopen again"))
    #expect(!svg.contains("get, 100000 keys"))
  }

  @Test func betterIsFurtherRight() throws {
    func place(_ title: String, in svg: String) throws -> Double {
      let element = try #require(svg.components(separatedBy: "<title>\(title)").dropFirst().first)
      let number = try #require(element.firstMatch(of: /(?:cx="|points=")([0-9.]+)/))
      return try #require(Double(number.output.1))
    }
    let svg = ComparisonChart(runs).svg
    #expect(try place("LMDB: 50.0 /s", in: svg) < place("RocksDB: 200 /s", in: svg))
    #expect(try place("RocksDB: 400 ms", in: svg) < place("Cairn: 110 ms", in: svg))
  }

  @Test func noTwoSubjectsLookTheSame() {
    let subjects = [
      "RocksDB", "RocksDB recycled logs", "RocksDB tuned", "LevelDB", "LMDB", "SQLite", "WiredTiger", "Redis",
      "PostgreSQL",
    ]
    .map { Subject($0, .peer) }
    let palette = Palette([Subject("Cairn", .ours)] + subjects)
    let looks = subjects.map { "\(palette.mark($0).shape) \(palette.mark($0).variant)" }
    #expect(Set(looks).count == subjects.count)
  }

  @Test func aScaleIsMonotonicAndKeepsToItsBounds() {
    let scale = LogarithmicScale([0.001, 0.5, 2, 900], within: 0.01...20, from: 100, to: 300)
    #expect(scale.place(0.5) < scale.place(1) && scale.place(1) < scale.place(2))
    #expect(scale.place(0.001) == 100 && scale.place(900) == 300)
    #expect([0.001, 1, 900].map(scale.side) == [-1, 0, 1])
    #expect(scale.ticks.contains(1))
    #expect(LogarithmicScale([], from: 0, to: 1).place(1).isFinite)
  }

  @Test func aRateIsACostUpsideDown() {
    let svg = ScalingChart(runs).svg
    #expect(svg.contains("<title>Cairn, 100 k keys: 1.00 µs</title>"))
    #expect(svg.contains("<title>LMDB, 10.0 M keys: 1,000 µs</title>"))
    #expect(ScalingChart([Samples.measured()]).isEmpty)
  }
}
