// The example in README.md is what stands between the markers below: it is compiled and run here, and a test
// of the project compares the two.

import Cairn
import Foundation
import Testing

@Suite struct ReadmeExample {
  @Test func theExampleRuns() async throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
      .path(percentEncoded: false)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    #expect(try await Self.run(in: directory) == [1])
    #expect(try await Self.run(in: directory) == [1, 2])
  }

  static func run(in directory: String) async throws -> [Int] {
    // readme:begin
    struct Progress: Codable { var done: [Int] }

    let store = try await Store.open(directory)
    let progress = Timeline<Progress>("batch-7")
    let audit = Journal<String>("batch-7")

    var state = try await store.read { try $0.load(progress)?.state } ?? Progress(done: [])
    let next = state.done.count + 1
    state.done.append(next)
    try await store.write { transaction in  // one commit: both or neither, on disk when it returns
      try transaction.append("reviewed \(next)", to: audit, once: "document-\(next)")
      try transaction.save(state, to: progress, tags: ["cursor": "\(next)"])
    }
    try await store.close()
    // readme:end
    return state.done
  }
}
