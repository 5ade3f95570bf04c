import Testing

@testable import CairnCommand

@Suite struct ProgressTests {
  @Test(arguments: 40...200)
  func barNeverWraps(columns: Int) {
    let names = ["", "short.txt", String(repeating: "long", count: 100), String(repeating: "請求書", count: 50)]
    for name in names {
      for (done, count) in [(0, 0), (0, 1), (1, 1), (42, 100), (99_999, 100_000)] {
        let text = ProgressBar(done: done, count: count, name: name).text(columns: columns)
        let width = text.unicodeScalars.reduce(0) { $0 + ($1.value < 0x1100 ? 1 : 2) }
        #expect(width < columns)
        #expect(text.contains("\(done)/\(count)"))
      }
    }
  }

  @Test func barFills() {
    let full = ProgressBar(done: 10, count: 10, name: "").text(columns: 80)
    #expect(!full.contains(".") && full.contains("#"))
    #expect(!ProgressBar(done: 0, count: 10, name: "").text(columns: 80).contains("#"))
  }
}
