import CairnEngine
import Testing

/// The table of named checks in `format-spec.md` has each check that there is, once, and no other.
@Suite struct SpecNamedChecks {
  @Test func theTableIsComplete() throws {
    let text = try Specification.text()
    let begin = try #require(text.firstRange(of: "## The named checks"))
    let end = try #require(text[begin.upperBound...].firstRange(of: "\n## "))
    let rows = text[begin.upperBound..<end.lowerBound].split(separator: "\n").filter { $0.hasPrefix("| `") }
    let names = rows.compactMap { $0.split(separator: "`").dropFirst().first.map(String.init) }
    #expect(names == VerificationCheck.allCases.map(\.rawValue))
    let depths = Set(VerificationDepth.allCases.map { "\($0)" })
    for row in rows {
      let cells = row.split(separator: "|").map { $0.trimmingPrefix(" ") }
      #expect(cells.count == 4 && depths.contains(String(cells[3].prefix { $0 != " " })), "\(row)")
    }
  }
}
