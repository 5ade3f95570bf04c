import Foundation
import Testing

/// The examples in README.md are the ones that are compiled.
enum ReadmeExampleText {
  /// The lines between two markers, without the indentation that all of them share.
  static func lines(between begin: String, and end: String, in text: String) -> [String]? {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let first = lines.firstIndex(where: { $0.contains(begin) }),
      let last = lines[first...].firstIndex(where: { $0.contains(end) })
    else { return nil }
    let content = lines[(first + 1)..<last]
    let indentation = content.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }.min() ?? 0
    return content.map { String($0.dropFirst(indentation)) }
  }
}

@Suite struct ReadmeTests {
  @Test(
    .serialized,
    arguments: [
      ("README.md", "example", "Tests/CairnTests/ReadmeExample.swift"),
      ("README.md", "observation", "Tests/CairnMetricsTests/ReadmeExample.swift"),
      ("README.md", "simulation", "Tests/CairnTestingTests/ReadmeExample.swift"),
      (
        "Sources/CairnTesting/CairnTesting.docc/CairnTesting.md", "simulation",
        "Tests/CairnTestingTests/ReadmeExample.swift"
      ),
      (
        "Sources/CairnTesting/CairnTesting.docc/CairnTesting.md", "mistake",
        "Tests/CairnTestingTests/MistakeExample.swift"
      ),
    ])
  func theExampleIsTheCompiledOne(page: String, name: String, path: String) throws {
    let code = try #require(
      ReadmeExampleText.lines(between: "readme:begin", and: "readme:end", in: Repository.text(of: path)))
    let readme = try Repository.text(of: page)
    let shown = try #require(
      ReadmeExampleText.lines(between: "\(name):begin", and: "\(name):end", in: readme))
    let expected = ["```swift"] + code + ["```"]
    if shown != expected, ProcessInfo.processInfo.environment["CAIRN_UPDATE_SPEC"] == "1" {
      let updated = readme.replacing(
        shown.joined(separator: "\n") + "\n<!-- \(name):end",
        with: expected.joined(separator: "\n") + "\n<!-- \(name):end")
      try updated.write(to: Repository.root.appending(path: page), atomically: true, encoding: .utf8)
      return
    }
    #expect(shown == expected, "CAIRN_UPDATE_SPEC=1 swift test --filter ReadmeTests writes it anew")
  }

  @Test func linesAreFoundWithoutTheirCommonIndentation() {
    let text = "a\n  // begin\n    b\n\n      c\n  // end\nd"
    #expect(ReadmeExampleText.lines(between: "begin", and: "end", in: text) == ["b", "", "  c"])
    #expect(ReadmeExampleText.lines(between: "begin", and: "nowhere", in: text) == nil)
  }

  @Test func everyFileThatTheReadmeLinksToIsThere() throws {
    for page in ["README.md", "CONTRIBUTING.md"] {
      let text = try Repository.text(of: page)
      for match in text.matches(of: /\]\(([^)#:]+)\)/) {
        let path = Repository.root.appending(path: String(match.output.1)).path(percentEncoded: false)
        #expect(FileManager.default.fileExists(atPath: path), "\(page) links to \(match.output.1)")
      }
    }
  }
}
