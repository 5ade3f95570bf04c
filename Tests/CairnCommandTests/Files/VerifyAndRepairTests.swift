import ArgumentParser
import CairnEngine
import CairnKV
import Foundation
import Testing

@testable import CairnCommand

/// `cairn verify` and `cairn repair` on real files: what they print, and how they end.
@Suite struct VerifyAndRepairTests {
  private let folder: TemporaryFolder
  private var store: String { folder.path + "/store" }

  init() throws {
    folder = try TemporaryFolder()
    let engine = try Engine.open(at: store)
    for number in 0..<20 as Range<UInt8> {
      try engine.write { try $0.set([number], to: [UInt8](repeating: number, count: 100)) }
    }
    try engine.close()
  }

  private func flip(_ offset: Int, of ending: String) throws {
    let name = try #require(
      try FileManager.default.contentsOfDirectory(atPath: store).first { $0.hasSuffix(ending) })
    let url = URL(fileURLWithPath: store + "/" + name)
    var bytes = try Data(contentsOf: url)
    bytes[offset] ^= 1
    try bytes.write(to: url)
  }

  private func exit(_ arguments: [String]) async -> Int32 {
    do {
      var command = try CairnCommand.parseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      return 0
    } catch {
      return CairnCommand.exitCode(for: error).rawValue
    }
  }

  @Test func exitCodes() async throws {
    defer { folder.remove() }
    #expect(await exit(["verify", store]) == 0)
    #expect(await exit(["verify", folder.path + "/none"]) == 1)
    #expect(await exit(["verify", store, "--depth", "nonsense"]) == 64)
    #expect(await exit(["repair", store, folder.path + "/whole"]) == 0)
    #expect(await exit(["repair", store, folder.path + "/whole"]) == 1)
    #expect(await exit(["verify", folder.path + "/whole", "--depth", "checksums", "--counts"]) == 0)
    try flip(4096 + 70, of: ".log")
    #expect(await exit(["verify", store, "--depth", "structure"]) == 0)
    #expect(await exit(["verify", store]) == 2)
    #expect(await exit(["repair", store, folder.path + "/new", "--keep-doubtful"]) == 2)
    #expect(await exit(["verify", folder.path + "/new"]) == 0)
  }

  @Test func backupsAndFormats() async throws {
    defer { folder.remove() }
    let backup = folder.path + "/backup"
    #expect(await exit(["backup", store, backup]) == 0)
    #expect(await exit(["backup", store, backup, "--copy"]) == 0)
    #expect(await exit(["verify", backup]) == 0)
    #expect(await exit(["backup", store, store]) == 1)
    #expect(await exit(["backup", folder.path + "/none", backup]) == 1)
    #expect(await exit(["backup", store]) == 64)
    let reader = try await ReadOnlyEngine.open(at: backup)
    #expect(try reader.read { try $0.entries(in: .all).count } == 20)
    #expect(await exit(["format", backup]) == 0)
    #expect(await exit(["format", folder.path + "/none"]) == 1)
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/none"))
    #expect(await exit(["format", store, "--raise", "99"]) == 64)
    #expect(await exit(["format", store, "--raise", "1"]) == 1)
    #expect(await exit(["format", store, "--raise", "2"]) == 0)
    // A directory that is something else is left alone.
    #expect(await exit(["backup", store, folder.path]) == 1)
  }

  @Test func linesSayWhatWhereAndWhatToDo() async throws {
    defer { folder.remove() }
    try flip(4096 + 70, of: ".log")
    let report = try await Engine.verify(at: store)
    let text = VerificationLines(report, withCounts: true).all.joined(separator: "\n")
    #expect(text.contains("DAMAGE  frames: ") && text.contains(".log, offset 4096]"))
    #expect(text.contains("cairn repair") && text.contains("\nmanifestEdit: 2\n"))
    let repair = try await Engine.repair(from: store, to: folder.path + "/new")
    let lines = RepairLines(repair).all.joined(separator: "\n")
    #expect(
      lines.contains("LOST  frames lost: ") && lines.contains("concerns any key, sequence numbers 1 to"))
    let first = RepairLines(repair).all.last
    #expect(first == "1 parts could not be read.")
  }
}
