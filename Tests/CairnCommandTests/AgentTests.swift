import Cairn
import CairnTesting
import Foundation
import Testing

@testable import CairnCommand

@Suite struct AgentTests {
  struct Stopped: Error {}

  /// A folder of 23 documents, of all sorts.
  private func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for document in InvoiceGenerator.documents(seed: 3).prefix(14) {
      try folder.write(document.text, to: document.name)
    }
    try folder.write(InvoiceGenerator.documents(seed: 3)[4].text, to: "invoice-005 (copy).txt")
    try folder.write("", to: "empty")
    try folder.write([0, 1, 2], to: "binary")
    try folder.write("Line one.\nLine two.", to: "two\nlines")
    try folder.write([0x63, 0x61, 0x66, 0xe9], to: "latin1")
    for number in 1...4 { try folder.write("Note \(number).", to: "note-\(number)") }
    return folder
  }

  private func list(_ folder: TemporaryFolder) throws -> DocumentList {
    let documents = try DocumentFolder(path: folder.path)
    return DocumentList(
      folder: DocumentPath(bytes: documents.root), documents: documents.list().documents, isCut: false)
  }

  private func store(_ time: SimulatedTime = SimulatedTime(wallMicroseconds: 0)) async throws -> Store {
    try await Store(over: InMemoryStore(), time: time)
  }

  /// Runs until the end, or until `stop` says so; gives the report once it's complete.
  private func run(
    _ store: Store, _ folder: TemporaryFolder, stopping stop: (Agent.Step) -> Bool = { _ in false }
  ) async throws -> String? {
    let agent = Agent(store: store)
    var standing: Agent.Standing
    if let found = try await agent.resume() {
      standing = found
    } else {
      standing = try await agent.begin(list(folder))
    }
    do {
      standing.progress = try await agent.work(from: standing, pace: .zero) { step in
        if stop(step) { throw Stopped() }
      }
    } catch is Stopped {
      return nil
    }
    return try await agent.report(standing)
  }

  @Test func stoppedAnywhereTheReportIsTheSame() async throws {
    let folder = try folder()
    defer { folder.remove() }
    let undisturbed = try #require(try await run(try await store(), folder))
    let count = try list(folder).documents.count
    for stop in 1...count {
      let time = SimulatedTime(wallMicroseconds: 0)
      let store = try await store(time)
      let before = try await run(store, folder) { step in
        if case .committing(let number) = step {
          time.advance(byMicroseconds: 1)
          return number == stop
        }
        return false
      }
      #expect(before == nil)
      let after = try await run(store, folder) { step in
        if case .recorded(let number) = step { return number == stop }
        return false
      }
      #expect(after == nil)
      #expect(try await run(store, folder) == undisturbed, "stopped at \(stop)")
      #expect(try await run(store, folder) == undisturbed, "again, after the end")
      let check = InvariantCheck(acknowledged: count, begun: count)
      #expect(await check.violations(in: store).isEmpty)
    }
  }

  @Test func resumingBuildsTheStateFromTheCheckpointAndTheEventsAfterIt() async throws {
    let folder = try folder()
    defer { folder.remove() }
    let store = try await store()
    _ = try await run(store, folder) { step in
      if case .recorded(17) = step { return true }
      return false
    }
    let standing = try #require(try await Agent(store: store).resume())
    #expect(standing.progress.recorded == 17)
    #expect(standing.checkpoint?.recorded == 10)
    #expect(standing.checkpoint?.id == CheckpointID(rawValue: 1))
  }

  @Test func listIsThatOfTheFirstRun() async throws {
    let folder = try folder()
    defer { folder.remove() }
    let store = try await store()
    _ = try await run(store, folder) { step in
      if case .recorded(3) = step { return true }
      return false
    }
    try folder.write("new", to: "added")
    try FileManager.default.removeItem(atPath: folder.path + "/note-2")
    let report = try #require(try await run(store, folder))
    #expect(!report.contains("added"))
    #expect(report.contains("note-2: not reviewed, gone"))
    #expect(report.contains("two\\x0alines: 19 bytes; 2 lines; 4 words"))
    #expect(report.contains("binary: not reviewed, not text: a zero byte at offset 0"))
    #expect(report.contains("near-duplicate of"))
  }

  @Test(arguments: [-1, 24, .max])
  func stateThatCannotBeIsAFailure(recorded: Int) async throws {
    let folder = try folder()
    defer { folder.remove() }
    let store = try await store()
    let agent = Agent(store: store)
    _ = try await agent.begin(list(folder))
    let forged = """
      {"recorded": \(recorded), "reviewed": \(Int.max), "words": \(Int.max), "bytes": 0, "nearDuplicates": 0,
       "invoices": 0, "wrongInvoices": 0, "totals": {}, "earlier": {"remembered": []}}
      """
    let state = try JSONDecoder().decode(ReviewProgress.self, from: Data(forged.utf8))
    try await store.write { _ = try $0.save(state, to: Agent.checkpoints) }
    await #expect(throws: CommandFailure.self) { _ = try await agent.resume() }
  }

  @Test func emptyFolderHasAReport() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let report = try #require(try await run(try await store(), folder))
    #expect(report.hasPrefix("Review of 0 documents\n"))
  }

  @Test func checkpointStepsAreTheTens() async throws {
    let folder = try folder()
    defer { folder.remove() }
    let store = try await store()
    _ = try await run(store, folder)
    let steps = try await store.read { try $0.history(of: Agent.checkpoints).map(\.step) }
    #expect(steps == [20, 10])
  }
}
