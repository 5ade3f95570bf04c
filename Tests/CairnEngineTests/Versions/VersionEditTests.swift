import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

extension SegmentProperties {
  /// Properties as a segment with these bounds may have them.
  init(_ number: UInt64, _ lower: [UInt8], _ upper: UpperBound, sequence: UInt64 = 1, bytes: UInt64 = 1000) {
    self.init(fileNumber: number)
    valueCount = 1
    blockCount = 1
    smallestSequence = sequence
    largestSequence = sequence
    lowerBound = lower
    upperBound = upper
    fileBytes = bytes
  }
}

@Suite struct VersionEditTests {
  private static func edit(_ random: inout SeededGenerator) -> VersionEdit {
    var edit = VersionEdit()
    if random.isHit(oneIn: 2) { edit.storeIdentity = random.bytes(VersionEdit.identityBytes) }
    edit.addedLogs = (0..<random.below(4)).map { _ in UInt64(random.below(1000)) }
    if random.isHit(oneIn: 2) { edit.oldestLog = random.next() }
    edit.removedSegments = (0..<random.below(4)).map { _ in random.next() }
    if random.isHit(oneIn: 2) { edit.lastSequence = random.next() }
    if random.isHit(oneIn: 2) { edit.nextFileNumber = random.next() }
    edit.addedSegments = (0..<random.below(5)).map { _ in
      let lower = random.bytes(random.below(30))
      let upper: SegmentProperties.UpperBound = [
        .inclusive(lower + random.bytes(3)), .exclusive(lower + [0]), .unbounded,
      ][random.below(3)]
      var properties = SegmentProperties(
        random.next(), lower, upper, sequence: UInt64(random.below(1 << 30)), bytes: random.next())
      properties.largestSequence += UInt64(random.below(1000))
      properties.removalCount = UInt64(random.below(9))
      properties.tombstoneCount = UInt64(random.below(9))
      properties.rawKeyBytes = random.next()
      properties.referencedBytes = random.next()
      let base = random.isHit(oneIn: 3) ? random.next() >> 10 : 0
      return .init(
        level: random.below(VersionEdit.levelCount), properties: properties.rebased(by: base) ?? properties)
    }
    edit.removedValueFiles = (0..<random.below(3)).map { _ in random.next() }
    for _ in 0..<random.below(3) {
      let count = UInt32(1 + random.below(20))
      let number = UInt64(1 + random.below(1 << 40))
      var file = ValueFileProperties(fileNumber: number + UInt64(random.below(2)))
      file.origins = [.init(number: number, recordCount: count, storedBytes: UInt64(count) * 50)]
      file.rawBytes = UInt64(count) * 38
      edit.addedValueFiles.append(file)
      let handles = (0..<count).filter { _ in random.isHit(oneIn: 2) }.map {
        ValueHandle(origin: number, ordinal: $0, rawBytes: 38, storedBytes: 50)
      }
      let drops = ValueDrops(origin: number, handles)
      if let drops { edit.valueDrops.append(drops) }
      if var liveness = ValueLiveness(origin: number, recordCount: count, storedBytes: UInt64(count) * 50) {
        if let drops { _ = liveness.drop(drops) }
        edit.addedOrigins.append(liveness)
      }
    }
    return edit
  }

  @Test(arguments: 1...200 as ClosedRange<UInt64>) func whatIsEncodedIsDecoded(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let edit = Self.edit(&random)
    #expect(edit.encoded().withUnsafeBytes { VersionEdit(decoding: $0) } == edit)
  }

  /// Bytes changed, cut, repeated, exchanged: an edit or none, in no more memory than they take, and never
  /// a trap, neither in decoding nor in applying what was decoded.
  @Test(arguments: 1...8 as ClosedRange<UInt64>) func damagedEditsAreRefusedOrRead(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var readCount = 0
    for _ in 0..<1500 {
      var bytes = Self.edit(&random).encoded()
      for _ in 0...random.below(3) where !bytes.isEmpty {
        let place = random.below(bytes.count)
        switch random.below(5) {
        case 0: bytes[place] ^= 1 << UInt8(random.below(8))
        case 1: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF][random.below(5)]
        case 2: bytes.removeSubrange(place...)
        case 3: bytes.insert(contentsOf: [UInt8](repeating: 0xFF, count: random.below(12)), at: place)
        default: bytes += bytes[place...]
        }
      }
      guard let edit = bytes.withUnsafeBytes({ VersionEdit(decoding: $0) }) else { continue }
      readCount += 1
      #expect(edit.addedSegments.count + edit.addedLogs.count + edit.removedSegments.count <= bytes.count)
      var state = VersionState(storeIdentity: edit.storeIdentity ?? [])
      _ = state.apply(edit)
      #expect(edit.encoded().withUnsafeBytes { VersionEdit(decoding: $0) } == edit)
    }
    #expect(readCount > 0)
  }

  @Test func theSnapshotOfAStateMakesTheStateAgain() throws {
    var state = VersionState(storeIdentity: [UInt8](repeating: 1, count: 16))
    var edit = VersionEdit()
    edit.addedLogs = [3, 8]
    edit.lastSequence = 50
    edit.nextFileNumber = 20
    edit.addedSegments = [
      .init(level: 0, properties: .init(4, [1], .inclusive([2]), sequence: 7)),
      .init(level: 0, properties: .init(5, [1], .inclusive([2]), sequence: 9)),
      .init(level: 2, properties: .init(7, [5], .unbounded)),
      .init(level: 2, properties: .init(6, [1], .exclusive([5]))),
    ]
    let isApplied = state.apply(edit)
    #expect(isApplied)
    #expect(state.levels[0].map(\.fileNumber) == [5, 4])
    #expect(state.levels[2].map(\.fileNumber) == [6, 7])
    var again = VersionState(storeIdentity: state.storeIdentity)
    let isApplied2 = again.apply(state.snapshotEdit())
    #expect(isApplied2)
    #expect(again == state)
  }

  // MARK: Contradictions

  private static func base() -> VersionState {
    var state = VersionState(storeIdentity: [UInt8](repeating: 1, count: 16))
    var edit = VersionEdit()
    edit.addedLogs = [3]
    edit.lastSequence = 50
    edit.nextFileNumber = 20
    edit.addedSegments = [
      .init(level: 0, properties: .init(4, [1], .inclusive([2]))),
      .init(level: 1, properties: .init(5, [10], .inclusive([20]))),
      .init(level: 1, properties: .init(6, [30], .exclusive([40]))),
    ]
    _ = state.apply(edit)
    return state
  }

  private static func adding(_ level: Int, _ properties: SegmentProperties) -> VersionEdit {
    var edit = VersionEdit()
    edit.addedSegments = [.init(level: level, properties: properties)]
    return edit
  }

  private static func changing<Value>(
    _ field: WritableKeyPath<VersionEdit, Value>, _ value: Value
  ) -> VersionEdit {
    var edit = VersionEdit()
    edit[keyPath: field] = value
    return edit
  }

  @Test func whatFitsIsApplied() {
    let edits = [
      Self.adding(1, .init(9, [21], .exclusive([30]))), Self.adding(1, .init(9, [40], .unbounded)),
      Self.adding(1, .init(9, [], .exclusive([10]))), Self.adding(0, .init(9, [1], .unbounded)),
      Self.adding(2, .init(9, [10], .inclusive([40]))), Self.changing(\.addedLogs, [4, 5]),
      Self.changing(\.removedSegments, [5]), Self.changing(\.oldestLog, 4),
      Self.changing(\.lastSequence, EntryTrailer.firstOwnSequence - 1),
    ]
    for edit in edits {
      var state = Self.base()
      let isApplied3 = state.apply(edit)
      #expect(isApplied3, "\(edit)")
    }
  }

  @Test func whatContradictsIsRefused() {
    let edits = [
      // Keys shared within a level.
      Self.adding(1, .init(9, [20], .inclusive([25]))), Self.adding(1, .init(9, [15], .inclusive([16]))),
      Self.adding(1, .init(9, [0], .inclusive([10]))), Self.adding(1, .init(9, [39], .unbounded)),
      Self.adding(1, .init(9, [], .unbounded)),
      // A segment twice, on any level, or one that is not there.
      Self.adding(3, .init(5, [60], .inclusive([70]))), Self.adding(0, .init(4, [60], .inclusive([70]))),
      Self.changing(\.removedSegments, [9]), Self.changing(\.removedSegments, [5, 5]),
      // Logs that go back.
      Self.changing(\.addedLogs, [3]), Self.changing(\.addedLogs, [2]), Self.changing(\.addedLogs, [5, 4]),
      Self.changing(\.storeIdentity, [UInt8](repeating: 2, count: 16)),
      // Numbers behind which there are none.
      Self.changing(\.lastSequence, EntryTrailer.greatestSequence + 1), Self.changing(\.lastSequence, .max),
      Self.changing(\.lastSequence, EntryTrailer.firstOwnSequence),
      Self.changing(\.nextFileNumber, .max), Self.changing(\.nextFileNumber, .max / 2 + 1),
      // A segment newer than everything that was ever written.
      Self.adding(2, .init(9, [60], .inclusive([70]), sequence: 51)),
    ]
    for edit in edits {
      var state = Self.base()
      let isApplied4 = state.apply(edit)
      #expect(!isApplied4, "\(edit)")
    }
  }
}
