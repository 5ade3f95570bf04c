import CairnEngine
import CairnKV
import Foundation
import Testing

@testable import CairnCommand

/// The verifier finds whatever a store may do wrong, and nothing in one that does nothing wrong.
@Suite struct CrashCheckTests {
  @Test(arguments: [false, true], [1, 4])
  func whatWasWrittenIsFine(isMixed: Bool, threads: Int) async throws {
    let fixture = try TortureFixture(isMixed: isMixed)
    defer { fixture.folder.remove() }
    for count in [90, 1, 150] as [UInt64] { try fixture.write(count, threads: threads) }
    #expect(try fixture.kinds() == [])
    #expect(await fixture.verify() == 0)
    #expect(await fixture.verify("--power-cut") == 0)
  }

  @Test func whatDidNotBeginYetNeedsNoStore() async throws {
    let fixture = try TortureFixture()
    defer { fixture.folder.remove() }
    #expect(await fixture.verify() == 1, "without a file of what was said")
    try fixture.say("RESUME 1\nBEGIN 1\n")
    #expect(await fixture.verify() == 0)
    try fixture.say("ACK 1\n")
    #expect(await fixture.verify() == 1)
  }

  /// Something wrong, in a store of 120 operations that one thread made.
  enum Forged: String, CaseIterable {
    case acknowledgedIsMissing, wrongByte, shorterValue, missingKey, keysWithoutTheirCount,
      countWithoutItsKeys
    case hole, resurrectedKey, olderValue, neverBegun, strayKey, strayKeyInLane, swappedOrder, missingOrder
    case lostInBetween, absurdCount
  }

  @Test(arguments: Forged.allCases)
  func whatIsWrongIsFound(forged: Forged) async throws {
    let fixture = try TortureFixture(isMixed: forged == .resurrectedKey || forged == .olderValue)
    defer { fixture.folder.remove() }
    try fixture.write(120)
    #expect(try fixture.kinds() == [])
    let expected = try forge(forged, fixture)
    let kinds = try fixture.kinds()
    #expect(kinds.contains(expected), "\(kinds)")
    #expect(await fixture.verify() == 1)
  }

  /// - Returns: what must be found.
  private func forge(_ forged: Forged, _ fixture: TortureFixture) throws -> CrashViolation.Kind {
    let next = fixture.script.operation(121)
    let model = fixture.model(after: 120)
    let some = try #require(
      model.entries.first { if case .value(_, let stamp) = $0.content { stamp.length > 8 } else { false } })
    guard case .value(let place, let stamp) = some.content else { return .stray }
    let bytes = fixture.script.value(stamp).bytes
    switch forged {
    case .acknowledgedIsMissing:
      try fixture.say("BEGIN 121\nACK 121\n")
      return .lost
    case .wrongByte:
      try fixture.forge { try $0.set(some.key, to: bytes.dropLast() + [(bytes.last ?? 0) ^ 1]) }
      return .wrongBytes
    case .shorterValue:
      try fixture.forge { try $0.set(some.key, to: Array(bytes.dropLast())) }
      return .wrongBytes
    case .missingKey:
      try fixture.forge { try $0.remove(model.lane.key(of: place)) }
      return .missing
    case .keysWithoutTheirCount:
      try fixture.say("BEGIN 121\n")
      let setting = next.steps.compactMap {
        if case .set(let place, let stamp) = $0 { (place, stamp) } else { nil }
      }
      let (place, stamp) = try #require(setting.first)
      try fixture.forge { try $0.set(next.lane.key(of: place), to: fixture.script.value(stamp).bytes) }
      return .halfCommit
    case .countWithoutItsKeys:
      try fixture.say("BEGIN 121\n")
      try fixture.forge { try count(121, in: &$0) }
      return .missing
    case .hole: return try makeHole(fixture)
    case .resurrectedKey, .olderValue: return try goBack(fixture, toRemoved: forged == .resurrectedKey)
    case .neverBegun:
      try fixture.forge { try CrashWriter.write(next, fixture.script, into: &$0) }
      return .neverBegun
    case .strayKey:
      try fixture.forge { try $0.set([0xff, 1], to: []) }
      return .stray
    case .strayKeyInLane:
      try fixture.forge { try $0.set(model.lane.countKey + [0], to: [1]) }
      return .stray
    case .swappedOrder:
      let order = try fixture.read { try $0.entries(in: CrashLane.orderRange) }
      try fixture.forge {
        try $0.set(order[80].key, to: order[81].value)
        try $0.set(order[81].key, to: order[80].value)
      }
      return .order
    case .missingOrder:
      let last = try fixture.read { try $0.last(in: CrashLane.orderRange) }
      try fixture.forge { try $0.remove(last?.key ?? []) }
      return .order
    case .lostInBetween:
      try fixture.say("RESUME 120\nBEGIN 120\nACK 120\n")
      return .lostBefore
    case .absurdCount:
      try fixture.forge { try $0.set(model.lane.countKey, to: [0, 0, 0, 0, 0, 0, 0, 0x80]) }
      return .wrongBytes
    }
  }

  private func count(_ operation: UInt64, in batch: inout WriteBatch) throws {
    let number = CrashLane.bytes(of: operation)
    try batch.set(CrashLane(of: operation).countKey, to: number)
    try batch.set(CrashLane.orderKey, to: CommitOrderedBytes(number))
  }

  /// Takes operation 104 away, wholly, although 120 of the same lane is there.
  private func makeHole(_ fixture: TortureFixture) throws -> CrashViolation.Kind {
    let operation = fixture.script.operation(104)
    let order = try fixture.read { try $0.entries(in: CrashLane.orderRange) }
    let mine = try #require(order.first { $0.value == CrashLane.bytes(of: 104) })
    try fixture.forge { batch in
      for case .set(let place, _) in operation.steps { try batch.remove(operation.lane.key(of: place)) }
      try batch.remove(mine.key)
    }
    return .order
  }

  /// Has a slot hold what it held before it was removed or overwritten.
  private func goBack(_ fixture: TortureFixture, toRemoved: Bool) throws -> CrashViolation.Kind {
    for operation in 1...120 as ClosedRange<UInt64> {
      let before = fixture.model(after: operation)
      let lane = (operation - 1) % 16
      let last = fixture.model(after: lane < 8 ? 113 + lane : 97 + lane)
      for (place, stamp) in before.stamps where stamp.length > 16 {
        guard case .slot = place, toRemoved == (last.stamps[place] == nil), last.stamps[place] != stamp else {
          continue
        }
        let value = fixture.script.value(stamp).bytes
        try fixture.forge { try $0.set(before.lane.key(of: place), to: value) }
        return toRemoved ? .resurrected : .wrongBytes
      }
    }
    throw CommandFailure("nothing was removed or overwritten")
  }

  @Test func whatIsDamagedIsTold() async throws {
    for ending in [".segment", ".values", "MANIFEST"] {
      let fixture = try TortureFixture()
      defer { fixture.folder.remove() }
      try fixture.write(120)
      let names = try FileManager.default.contentsOfDirectory(atPath: fixture.store).sorted()
      let url = URL(
        fileURLWithPath: fixture.store + "/" + (try #require(names.first { $0.hasSuffix(ending) })))
      var bytes = try Data(contentsOf: url)
      bytes[bytes.count / 2] ^= 1
      if ending == "MANIFEST" { bytes[100] ^= 1 }
      try bytes.write(to: url)
      #expect(await fixture.verify() == 2, "\(ending)")
    }
  }

  /// What was overwritten or removed is not read any more, but for whoever looks at every file.
  @Test func damageThatNobodyReadsIsTold() async throws {
    let fixture = try TortureFixture(isMixed: true)
    defer { fixture.folder.remove() }
    try fixture.write(160)
    let live = Set((145...160 as ClosedRange<UInt64>).flatMap { fixture.model(after: $0).stamps.values })
    let names = try FileManager.default.contentsOfDirectory(atPath: fixture.store)
    let files = try names.filter { $0.hasSuffix(".values") }.map { name in
      let url = URL(fileURLWithPath: fixture.store + "/" + name)
      return (url, try Data(contentsOf: url))
    }
    for operation in 1...160 as ClosedRange<UInt64> {
      // So large values stand in value files, and not so large ones as they are.
      for case .set(_, let stamp) in fixture.script.operation(operation).steps
      where (2048..<16_384).contains(stamp.length) && !live.contains(stamp) {
        let value = Data(fixture.script.value(stamp).bytes.prefix(64))
        for (url, content) in files {
          guard let place = content.firstRange(of: value) else { continue }
          var bytes = content
          bytes[place.lowerBound + 20] ^= 1
          try bytes.write(to: url)
          #expect(await fixture.verify() == 2)
          return
        }
      }
    }
    Issue.record("all that was overwritten is gone")
  }

  @Test func aStoreInUseCannotBeLookedAt() async throws {
    let fixture = try TortureFixture()
    defer { fixture.folder.remove() }
    try fixture.write(20)
    let engine = try await Engine.open(at: fixture.store, options: CrashStore.options)
    #expect(await fixture.verify() == 1)
    try await engine.close()
    #expect(await fixture.verify() == 0)
  }

  @Test(arguments: [
    "ACK 20", "BEGIN 21", "BEGIN 2", "RESU", "ACK", "BEG", "ACK 1RESUME 21\nBEGIN 21\nBEGI",
    "BEGIN 21\nACKRESUME 21\nBEGIN 21\nRESUME 21",
  ])
  func tornLinesPromiseNothing(tail: String) async throws {
    let fixture = try TortureFixture()
    defer { fixture.folder.remove() }
    try fixture.write(20)
    try fixture.say(tail)
    #expect(await fixture.verify() == 0)
  }

  /// Whoever captured the line dropped its end, which need not mean that it was torn.
  @Test func whatBeganByTheLastLineMayBeThere() async throws {
    let fixture = try TortureFixture()
    defer { fixture.folder.remove() }
    try fixture.write(19)
    let said = try fixture.write(1)
    #expect(said == [.resume(20), .begin(20), .acknowledged(20)])
    let all = try #require(FileManager.default.contents(atPath: fixture.captured))
    try all.dropLast("\nACK 20\n".utf8.count).write(to: URL(fileURLWithPath: fixture.captured))
    #expect(await fixture.verify() == 0)
    try all.dropLast("BEGIN 20\nACK 20\n".utf8.count).write(to: URL(fileURLWithPath: fixture.captured))
    #expect(await fixture.verify() == 1)
  }

  /// Scans and look-ups go different ways through the store, and each of them may be wrong alone.
  @Test(arguments: LyingReader.Lie.allCases)
  func scansAndLookUpsAreBothCompared(lie: LyingReader.Lie) throws {
    let fixture = try TortureFixture(isMixed: true)
    defer { fixture.folder.remove() }
    try fixture.write(120)
    let model = fixture.model(after: 120)
    let slots = (0..<CrashLane.slots).filter { (model.stamps[.slot($0)] == nil) == (lie == .found) }
    let key = model.lane.key(of: .slot(try #require(slots.first)))
    let record = try CrashRecord(captured: FileManager.default.contents(atPath: fixture.captured) ?? Data())
    let kinds = try fixture.read { reader in
      let check = CrashCheck(script: fixture.script, record: record)
      #expect(try check.violations(in: reader) == [])
      return try check.violations(in: LyingReader(reader, lie, about: key)).map(\.kind)
    }
    #expect(kinds == [lie == .found ? .resurrected : lie == .foundDifferent ? .wrongBytes : .missing])
  }

  @Test func otherLinesAreRefused() async throws {
    let fixture = try TortureFixture()
    defer { fixture.folder.remove() }
    try fixture.write(20)
    try fixture.say("ack 20\n")
    #expect(await fixture.verify() == 1)
  }

  @Test func anotherSeedIsWrong() async throws {
    let fixture = try TortureFixture()
    defer { fixture.folder.remove() }
    try fixture.write(20)
    #expect(
      await TortureFixture.exit(["torture", "verifier", fixture.store, fixture.captured, "--seed", "4"]) == 1)
  }
}
