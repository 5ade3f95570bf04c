import BenchmarkKit
import Testing

@Suite struct InstructionCountsTests {
  private func counts(_ values: [String: Double], compiler: String = "Swift 6") -> InstructionCounts {
    InstructionCounts(
      compiler: compiler, platform: "x86_64",
      entries: values.sorted { $0.key < $1.key }.map { id, value in
        .init(id: id, name: id, unit: "call", instructions: value)
      })
  }

  @Test(arguments: [(100.0, "same"), (104.9, "same"), (105.1, "worse"), (95.1, "same"), (94.9, "better")])
  func beyondFivePercentAChangeIsSeen(value: Double, expected: String) throws {
    let change = try #require(counts(["get": 100]).changes(to: counts(["get": value])).first?.change)
    let name =
      switch change {
      case .same: "same"
      case .worse: "worse"
      case .better: "better"
      case .unmatched: "unmatched"
      }
    #expect(name == expected)
  }

  @Test func whatOnlyOneSideHasIsUnmatched() {
    let changes = counts(["a": 1, "b": 1]).changes(to: counts(["b": 1, "c": 1]))
    #expect(changes.map(\.entry.id) == ["b", "c", "a"])
    #expect(changes.map { $0.change == .unmatched } == [false, true, true])
  }

  @Test func countsOfAnotherCompilerAreNotCompared() {
    #expect(counts([:]).reasonNotToCompare(with: counts([:])) == nil)
    #expect(
      counts([:]).reasonNotToCompare(with: counts([:], compiler: "Swift 7"))?.contains("Swift 7") == true)
  }
}
