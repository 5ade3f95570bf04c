import Cairn
import CairnKV
import Foundation
import Testing

@testable import CairnCommand

/// The demo on the real engine, in one process.
@Suite struct DemoRunTests {
  private func run(
    in folder: TemporaryFolder, documents: String? = nil, store: String = "store", report: String = "report"
  ) async throws -> String? {
    let output = open("/dev/null", O_WRONLY)
    defer { close(output) }
    let place = folder.path + "/"
    try await DemoRun(
      documents: documents.map { place + $0 }, storePath: place + store, report: place + report, pace: .zero,
      acknowledges: false, console: Console(output: output)
    ).run()
    return FileManager.default.contents(atPath: place + report).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func secondRunWritesTheSameReport() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let first = try await run(in: folder)
    #expect(first?.contains("100 invoices, of which 14 do not add up; 4 near-duplicates.") == true)
    #expect(try await run(in: folder, report: "second") == first)
    // Another store, and documents that are already there.
    #expect(try await run(in: folder, documents: "store-documents", store: "other") == first)
  }

  @Test func reportAndStoreWithinTheDocumentsAreNoDocuments() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    try folder.write("old report", to: "report")
    try folder.write("text", to: "document")
    let report = try await run(in: folder, documents: "")
    #expect(report?.hasPrefix("Review of 1 document\n") == true)
  }

  @Test func anotherFolderIsAFailure() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    for name in ["a", "b"] {
      try FileManager.default.createDirectory(
        atPath: folder.path + "/" + name, withIntermediateDirectories: false)
    }
    _ = try await run(in: folder, documents: "a")
    await #expect(throws: CommandFailure.self) { try await run(in: folder, documents: "b") }
    await #expect(throws: CommandFailure.self) { try await run(in: folder, documents: "b", store: "b") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/b").isEmpty)
  }

  @Test func storeInUseIsLocked() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let store = try await Store.open(folder.path + "/store")
    do {
      _ = try await run(in: folder)
      Issue.record("it ran")
    } catch let StoreError.storage(cause) {
      #expect(cause.code == .locked)
    }
    try await store.close()
  }

  @Test func wrongPathLeavesNoStoreBehind() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    await #expect(throws: CommandFailure.self) { try await run(in: folder, documents: "none") }
    await #expect(throws: CommandFailure.self) { try await run(in: folder, report: "none/report") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func generatedDocumentsAreWrittenOnlyWhereNothingElseIs() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let invoices = InvoiceFolder(path: folder.path)
    // As a killed run may have left it, and one that somebody edited.
    try folder.write("half an inv", to: ".invoice-001.txt.temporary")
    try folder.write("edited", to: "invoice-002.txt")
    try invoices.write()
    let names = try DocumentFolder(path: folder.path).list().documents
    #expect(names == InvoiceGenerator.documents(seed: InvoiceFolder.seed).map { DocumentPath($0.name) })
    #expect(FileManager.default.contents(atPath: folder.path + "/invoice-002.txt") == Data("edited".utf8))
    try folder.write("mine", to: "mine")
    #expect(throws: CommandFailure.self) { try invoices.write() }
  }
}
