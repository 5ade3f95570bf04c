import CairnEngine
import CairnKV
import CairnTesting
import Foundation
import Synchronization
import Testing

@testable import CairnCommand

/// What may be wrong with the backup beside a store is found, and nothing in one with which nothing is.
@Suite struct CrashBackupTests {
  /// A store with a backup: of everything, or of less than what is done in the end.
  private func fixture(backedUp: UInt64 = 120, more: UInt64 = 40) throws -> TortureFixture {
    let fixture = try TortureFixture(isMixed: true)
    try fixture.write(backedUp)
    try takeBackup(fixture)
    try fixture.say("BACKUP \(backedUp)\n")
    // Of those after it none takes a backup, as writers would.
    if more > 0 {
      let backup = fixture.backup
      try FileManager.default.moveItem(atPath: backup, toPath: backup + "-kept")
      var lines = try fixture.write(more, saying: false)
      lines.removeAll { if case .backedUp = $0 { true } else { false } }
      try fixture.say(lines.map { $0.text + "\n" }.joined())
      try? FileManager.default.removeItem(atPath: backup)
      try FileManager.default.moveItem(atPath: backup + "-kept", toPath: backup)
    }
    return fixture
  }

  private func takeBackup(_ fixture: TortureFixture) throws {
    let engine: Engine = try Engine.open(at: fixture.store, options: CrashStore.options)
    try engine.backup(to: fixture.backup)
    try engine.close()
  }

  /// Puts a store in the backup's place that is changed.
  private func forge(_ fixture: TortureFixture, _ body: (inout WriteBatch) throws -> Void) throws {
    let engine: Engine = try Engine.open(at: fixture.backup, options: CrashStore.options)
    try engine.write(.durable, body)
    try engine.close()
  }

  private func verdict(_ fixture: TortureFixture, isRestoring: Bool = false) throws -> CrashVerdict {
    let record = try CrashRecord(captured: FileManager.default.contents(atPath: fixture.captured) ?? Data())
    return try CrashVerifier(
      directory: fixture.store, check: CrashCheck(script: fixture.script, record: record),
      backup: fixture.backup, isRestoring: isRestoring
    ).verdict()
  }

  private func expect(
    _ kinds: Set<CrashViolation.Kind>, in fixture: TortureFixture,
    location: SourceLocation = #_sourceLocation
  ) async throws {
    #expect(await fixture.verify() == 0, "the store itself", sourceLocation: location)
    #expect(await fixture.verify("--backup", fixture.backup) == 1, sourceLocation: location)
    guard case .wrong(let violations) = try verdict(fixture) else {
      Issue.record("nothing is found", sourceLocation: location)
      return
    }
    #expect(
      !kinds.isDisjoint(with: violations.map(\.kind)), "\(violations)", sourceLocation: location)
  }

  @Test(arguments: [1, 4])
  func whatWritersTakeIsFine(threads: Int) async throws {
    let fixture = try TortureFixture(isMixed: true)
    defer { fixture.folder.remove() }
    var backups = 0
    for count in [60, 1, 90] as [UInt64] {
      let lines = try fixture.write(count, threads: threads)
      backups += lines.count { if case .backedUp = $0 { true } else { false } }
      #expect(await fixture.verify("--backup", fixture.backup) == 0)
      #expect(await fixture.verify("--backup", fixture.backup, "--power-cut") == 0)
    }
    #expect(backups > 3)
    #expect(FileManager.default.fileExists(atPath: fixture.backup + "/BACKUP"), "it is a backup still")
    guard case .fine(let held, _, let inBackup?) = try verdict(fixture, isRestoring: true) else {
      Issue.record("the backup does not open for writing")
      return
    }
    #expect(inBackup > 0 && inBackup <= held)
  }

  @Test func aBackupMayEndEarlier() async throws {
    let fixture = try fixture()
    defer { fixture.folder.remove() }
    #expect(await fixture.verify("--backup", fixture.backup) == 0)
  }

  /// A backup that lost an operation that was acknowledged before it began.
  @Test func whatABackupHasLostIsFound() async throws {
    let fixture = try fixture(backedUp: 120, more: 1)
    defer { fixture.folder.remove() }
    // It began after 121 was done, and ends with 120.
    try fixture.say("BACKUP 121\n")
    try await expect([.lost], in: fixture)
  }

  @Test func aBackupThatIsGoneIsFound() async throws {
    let fixture = try fixture(more: 0)
    defer { fixture.folder.remove() }
    try FileManager.default.removeItem(atPath: fixture.backup)
    try await expect([.lost], in: fixture)
    #expect(await fixture.verify() == 0, "who does not ask for the backup is told nothing of it")
  }

  @Test func aByteThatIsWrongIsFound() async throws {
    let fixture = try fixture(more: 0)
    defer { fixture.folder.remove() }
    let model = fixture.model(after: 120)
    let key = try #require(model.entries.first { if case .value = $0.content { true } else { false } }).key
    try forge(fixture) { try $0.set(key, to: [1, 2, 3]) }
    try await expect([.wrongBytes], in: fixture)
  }

  @Test func aKeyThatNobodyWroteIsFound() async throws {
    let fixture = try fixture(more: 0)
    defer { fixture.folder.remove() }
    try forge(fixture) { try $0.set([0xff, 1], to: []) }
    try await expect([.stray], in: fixture)
  }

  /// What comes to be in the backup, and is not in the store, although it began.
  @Test func whatTheStoreHasNotIsFound() async throws {
    let fixture = try fixture(more: 0)
    defer { fixture.folder.remove() }
    let number = try #require(
      (121...136 as ClosedRange<UInt64>).first { fixture.script.operation($0).manner == .batch })
    try fixture.say("BEGIN \(number)\n")
    try forge(fixture) { try CrashWriter.write(fixture.script.operation(number), fixture.script, into: &$0) }
    try await expect([.neverBegun, .order], in: fixture)
  }

  /// Nothing was finished when operation 2 was done; but what is there without it began after that.
  @Test func whatIsThereWithoutWhatCameBeforeItIsFound() throws {
    let fixture = try TortureFixture()
    defer { fixture.folder.remove() }
    var record = CrashRecord()
    let said = "RESUME 1,BEGIN 2,ACK 2,BEGIN 1,ACK 1"
    for text in said.split(separator: ",") { record.take(try #require(CrashLine(text))) }
    try fixture.write(1)
    var check = CrashCheck(script: fixture.script, record: record)
    check.isBackup = true
    #expect(try fixture.read { try check.violations(in: $0) }.map(\.kind) == [.order])
  }

  @Test func anotherCommitOrderIsFound() async throws {
    let fixture = try fixture(more: 0)
    defer { fixture.folder.remove() }
    let order = try fixture.read { try $0.entries(in: CrashLane.orderRange) }
    let contents = try fixture.read { try CrashBackup.Contents(of: $0) }
    #expect(CrashBackup.differences(of: contents, from: contents) == [])
    // The last two were under way at once, for all that anybody has heard.
    try forge(fixture) {
      try $0.set(order[order.count - 2].key, to: order[order.count - 1].value)
      try $0.set(order[order.count - 1].key, to: order[order.count - 2].value)
    }
    try await expect([.order], in: fixture)
  }

  @Test func whatIsDamagedIsTold() async throws {
    for ending in [".segment", "MANIFEST"] {
      let fixture = try fixture(more: 0)
      defer { fixture.folder.remove() }
      let names = try FileManager.default.contentsOfDirectory(atPath: fixture.backup).sorted()
      let path = fixture.backup + "/" + (try #require(names.first { $0.hasSuffix(ending) }))
      var bytes = try #require(FileManager.default.contents(atPath: path))
      bytes[ending == "MANIFEST" ? 100 : bytes.count / 2] ^= 1
      // Another file: the store has the same one.
      try FileManager.default.removeItem(atPath: path)
      try bytes.write(to: URL(fileURLWithPath: path))
      #expect(await fixture.verify() == 0)
      #expect(await fixture.verify("--backup", fixture.backup) == 2, "\(ending)")
      guard case .damaged = try verdict(fixture, isRestoring: true) else {
        Issue.record("\(ending): opened for writing, it is not told")
        return
      }
    }
  }

  /// A backup that was never finished is none, as long as none is said to be.
  @Test func whatIsNoBackupYetIsFine() async throws {
    let fixture = try TortureFixture()
    defer { fixture.folder.remove() }
    try fixture.write(20)
    #expect(await fixture.verify("--backup", fixture.backup) == 0)
    try FileManager.default.createDirectory(atPath: fixture.backup, withIntermediateDirectories: false)
    #expect(await fixture.verify("--backup", fixture.backup) == 0)
    for name in ["LOCK", "BACKUP", "00000007.log", "00000005.segment"] {
      try Data("no".utf8).write(to: URL(fileURLWithPath: fixture.backup + "/" + name))
      #expect(await fixture.verify("--backup", fixture.backup) == 0, "\(name)")
    }
    // Without the mark it looks like a store that lost its manifest.
    try FileManager.default.removeItem(atPath: fixture.backup + "/BACKUP")
    let names = try FileManager.default.contentsOfDirectory(atPath: fixture.store)
    let segment = try #require(names.first { $0.hasSuffix(".segment") || $0.hasSuffix(".log") })
    try FileManager.default.copyItem(
      atPath: fixture.store + "/" + segment, toPath: fixture.backup + "/other-" + segment)
    try fixture.say("BACKUP 20\n")
    #expect(await fixture.verify("--backup", fixture.backup) == 1)
  }

  /// Another store in the same place, as after `rm -r` of the first one alone.
  @Test func theBackupOfAnEarlierStoreIsRemoved() async throws {
    let fixture = try fixture(more: 0)
    defer { fixture.folder.remove() }
    try FileManager.default.removeItem(atPath: fixture.store)
    try FileManager.default.removeItem(atPath: fixture.captured)
    let lines = try fixture.write(100)
    #expect(lines.contains { if case .backedUp = $0 { true } else { false } })
    #expect(await fixture.verify("--backup", fixture.backup) == 0)
  }

  @Test func whatIsNoBackupIsLeftAlone() throws {
    let fixture = try TortureFixture(isMixed: true)
    defer { fixture.folder.remove() }
    try FileManager.default.createDirectory(atPath: fixture.backup, withIntermediateDirectories: false)
    try Data("mine".utf8).write(to: URL(fileURLWithPath: fixture.backup + "/letter"))
    #expect(throws: CommandFailure.self) { try fixture.write(100) }
    #expect(FileManager.default.fileExists(atPath: fixture.backup + "/letter"))
  }

  /// The process ends within a backup, at the call that makes one file's second name and at others.
  @Test(arguments: ["link:1:before", "link:1:after", "link:3:after", "rename:3:before", "rename:3:after"])
  func theProcessDiesWithinABackup(point: String) async throws {
    let fixture = try TortureFixture(isMixed: true)
    defer { fixture.folder.remove() }
    try fixture.write(100)
    let executable = try TortureFixture.executable()
    for more in [["--kill-at", point], ["--kill-at", point], []] {
      let writer = try WriterProcess(
        executable: executable,
        arguments: [fixture.store, "80", "--seed", "\(fixture.script.seed)", "--threads", "2", "--mix"] + more
      )
      #expect(writer.end() == (more.isEmpty ? .exited(0) : .crashed(signal: SIGKILL)))
      try fixture.say(writer.lines.map { $0.text + "\n" }.joined())
      #expect(await fixture.verify("--backup", fixture.backup) == 0)
    }
  }
}
