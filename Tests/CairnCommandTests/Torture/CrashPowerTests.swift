import CairnEngine
import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnCommand

/// After the power was cut, the last operations may be gone that were only buffered, and no others.
@Suite struct CrashPowerTests {
  /// Operations 1 to 4 are done, of which 3 and 4 are buffered; the store holds the first `held`.
  private func violations(held: UInt64, _ said: String, hasLostPower: Bool = true) throws -> [CrashViolation]
  {
    let fixture = try TortureFixture()
    defer { fixture.folder.remove() }
    try fixture.write(held)
    var record = CrashRecord()
    for text in said.split(separator: ",") { record.take(try #require(CrashLine(text))) }
    let check = CrashCheck(script: fixture.script, record: record, hasLostPower: hasLostPower)
    return try fixture.read { try check.violations(in: $0) }
  }

  private static let said =
    "RESUME 1,BEGIN 1,ACK 1,BEGIN 2,ACK 2,BEGIN 3,BUFFERED 3,BEGIN 4,BUFFERED 4"

  @Test(arguments: [2, 3, 4] as [UInt64])
  func theEndMayBeGone(held: UInt64) throws {
    #expect(try violations(held: held, Self.said) == [])
    #expect(try violations(held: held, Self.said, hasLostPower: false).isEmpty == (held == 4))
  }

  @Test func whatIsDurableMustBeThere() throws {
    #expect(try violations(held: 1, Self.said).map(\.kind) == [.lost])
  }

  @Test func nothingIsThereWithoutWhatWasDoneBeforeItBegan() throws {
    // 2 is there, and 3, which it had waited for, is not.
    let said = "RESUME 1,BEGIN 3,BUFFERED 3,BEGIN 1,ACK 1,BEGIN 2,ACK 2"
    #expect(Set(try violations(held: 2, said).map(\.kind)) == [.order])
    // With both under way at once, it may be.
    let together = "RESUME 1,BEGIN 3,BEGIN 1,ACK 1,BEGIN 2,BUFFERED 3,ACK 2"
    #expect(try violations(held: 2, together) == [])
  }

  @Test func whatWasLostMayBeginAgain() throws {
    let said = Self.said + ",RESUME 3,BEGIN 3,BUFFERED 3"
    #expect(try violations(held: 3, said) == [])
    #expect(Set(try violations(held: 3, said, hasLostPower: false).map(\.kind)) == [.lostBefore, .lost])
    // 4 had begun after 3, so that it can't have survived where 3 did not.
    #expect(Set(try violations(held: 4, said).map(\.kind)) == [.order])
  }

  /// On a disk that loses what was not synced, three times one after the other.
  @Test(arguments: 0..<10 as Range<UInt64>)
  func whatAPowerCutLeavesIsAsPromised(seed: UInt64) throws {
    let script = CrashScript(seed: seed, isMixed: true)
    let record = Mutex(CrashRecord())
    var disk = SimulatedFileSystem()
    for round in 0..<3 as Range<UInt64> {
      var environment = Environment.system
      environment.fileSystem = disk
      disk.setFaultPlan(
        .powerCut(atOperation: 40 + Int((97 * seed + 151 * round) % 700), seed: seed &+ round))
      let writer = CrashWriter(
        directory: "/store", script: script, count: 2000, threads: 2, environment: environment
      ) { line in record.withLock { $0.take(line) } }
      #expect(throws: (any Error).self) { try writer.run() }
      disk = disk.crash(seed % 2 == 0 ? .strict : .ordered, seed: seed &+ round)
      environment.fileSystem = disk
      let check = CrashCheck(script: script, record: record.withLock { $0 }, hasLostPower: true)
      let verdict = try CrashVerifier(
        directory: "/store", check: check, backup: CrashBackup.path(beside: "/store"),
        environment: environment
      ).verdict()
      guard case .fine = verdict else {
        Issue.record("seed \(seed), round \(round): \(verdict.details)")
        return
      }
    }
  }
}
