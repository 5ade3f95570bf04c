import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// The checks of segments, value files, and of both together: each fails alone when its invariant is broken.
@Suite struct VerificationFileCheckTests {
  private func expect(
    _ store: HandmadeStore, fails check: VerificationCheck, in file: String,
    alsoFails others: Set<VerificationCheck> = [], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let report = try store.verify()
    let failed = Set(report.violations.map(\.check))
    #expect(failed.subtracting(others) == [check], "\(report.violations)", sourceLocation: sourceLocation)
    #expect(
      report.violations.contains { $0.check == check && $0.file.hasSuffix(file) }, "\(report.violations)",
      sourceLocation: sourceLocation)
  }

  // MARK: Segments

  /// A segment's file with one part changed, and its checksum computed anew.
  /// - Parameter footerOffset: where the footer has the part's place; `nil` for the only data block.
  private func forging(
    _ segment: UInt64, partAt footerOffset: Int?, _ change: (inout [UInt8]) -> Void
  ) throws -> HandmadeStore {
    var store = try HandmadeStore()
    let name = StoreDirectory.Entry.segment(segment).name
    var bytes = try #require(store.files[name])
    let footer = Array(bytes.suffix(SegmentFormat.footerBytes))
    func number(_ offset: Int) -> Int {
      footer.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
    }
    let stored = footerOffset.map { number($0)..<number($0) + number($0 + 8) } ?? 0..<number(16) - 9
    var part = Array(bytes[stored.lowerBound..<stored.upperBound + 5])
    change(&part)
    let identity = SegmentIdentity(fileNumber: segment, salt: UInt64(number(8)))
    let checksum = part.withUnsafeBytes {
      identity.checksum(at: UInt64(stored.lowerBound), $0, UnsafeRawBufferPointer(start: nil, count: 0))
    }
    bytes.replaceSubrange(stored.lowerBound..<stored.upperBound + 5, with: part)
    bytes.overwrite(at: stored.upperBound + 5, littleEndian: checksum)
    store.set(name, bytes)
    return store
  }

  private func flipping(_ name: String, _ offset: (Int) -> Int) throws -> HandmadeStore {
    var store = try HandmadeStore()
    var bytes = try #require(store.files[name])
    bytes[offset(bytes.count)] ^= 1
    store.set(name, bytes)
    return store
  }

  @Test func storedBlocksAndFooter() throws {
    let name = "00000003.segment"
    try expect(flipping(name) { $0 - 60 }, fails: .segmentFooter, in: name)
    try expect(flipping(name) { _ in 8 }, fails: .blockChecksum, in: name)
    try expect(
      forging(3, partAt: nil) { $0[$0.count - 5] = 1 }, fails: .blockPayload, in: name)
  }

  @Test func parts() throws {
    let name = "00000003.segment"
    try expect(forging(3, partAt: 48) { $0[0] = 9 }, fails: .segmentProperties, in: name)
    var listed = try HandmadeStore()
    listed.list(3) { $0.supersededCount += 1 }
    try expect(listed, fails: .segmentListed, in: name)
    try expect(
      forging(4, partAt: 32) { $0[0] = 2 }, fails: .segmentRangeRemovals, in: "00000004.segment")
    try expect(forging(3, partAt: 72) { $0[0] = 2 }, fails: .segmentFilters, in: name)
    try expect(forging(3, partAt: 16) { $0[$0.count - 6] += 1 }, fails: .segmentIndex, in: name)
  }

  @Test func entries() throws {
    let name = "00000003.segment"
    try expect(forging(3, partAt: nil) { $0[5] = 7 }, fails: .blockEntries, in: name)
    try expect(forging(3, partAt: nil) { $0[6] += 1 }, fails: .blockInIndex, in: name)
    try expect(
      forging(3, partAt: 72) { part in for index in 16..<part.count - 5 { part[index] = 0 } },
      fails: .filterMembership, in: name)
  }

  @Test func whatThePropertiesSay() throws {
    func listing(_ number: UInt64, _ change: (inout SegmentProperties) -> Void) throws -> HandmadeStore {
      var store = try HandmadeStore()
      store.list(number, change)
      return store
    }
    let also: Set<VerificationCheck> = [.segmentListed]
    try expect(
      listing(3) { $0.smallestSequence = 9 }, fails: .segmentSequences, in: "00000003.segment",
      alsoFails: also)
    try expect(
      listing(3) { $0.upperBound = .inclusive([0x6D]) }, fails: .segmentBounds, in: "00000003.segment",
      alsoFails: also)
    try expect(
      listing(4) {
        $0.lowerBound = [0x61]
        $0.upperBound = .inclusive([0x64])
      }, fails: .segmentBounds,
      in: "00000004.segment", alsoFails: also)
    try expect(
      listing(3) { $0.rawValueBytes += 1 }, fails: .segmentCounts, in: "00000003.segment", alsoFails: also)
    try expect(
      listing(2) { $0.referencedBytes += 1 }, fails: .segmentReferences, in: "00000002.segment",
      alsoFails: also)
  }

  @Test func dictionary() throws {
    func store(damaging: Bool) throws -> HandmadeStore {
      var random = SeededGenerator(seed: 1)
      var store = try HandmadeStore { store in
        store.segments[3]?.options = SegmentOptions(compressionLevel: 1)
        store.segments[3]?.entries = (0..<3000).map { number in
          ModelEntry(
            key: Array("m\(10_000 + number)".utf8), trailer: EntryTrailer(sequence: 8, kind: .value),
            value: Array(
              "{\"kind\":\"completed\",\"cost\":\(random.below(1000)),\"text\":\"retrieve it\"}".utf8))
        }
      }
      guard damaging else { return store }
      let name = "00000003.segment"
      var bytes = try #require(store.files[name])
      let footer = Array(bytes.suffix(SegmentFormat.footerBytes))
      func number(_ offset: Int) -> Int {
        footer.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
      }
      let place = number(88)..<number(88) + number(96)
      bytes[place.lowerBound] ^= 1
      let checksum = bytes[place.lowerBound..<place.upperBound + 5].withUnsafeBytes {
        SegmentIdentity(fileNumber: 3, salt: 103).checksum(
          at: UInt64(place.lowerBound), $0, UnsafeRawBufferPointer(start: nil, count: 0))
      }
      bytes.overwrite(at: place.upperBound + 5, littleEndian: checksum)
      store.set(name, bytes)
      return store
    }
    let whole = try store(damaging: false).verify()
    #expect(whole.violations == [])
    #expect(whole.examined[.segmentDictionary] == 1)
    try expect(
      store(damaging: true), fails: .segmentDictionary, in: "00000003.segment", alsoFails: [.blockPayload])
  }

  // MARK: Levels

  /// A manifest whose levels overlap is refused as a whole, so this is asked directly.
  @Test func levelOrder() throws {
    let store = try HandmadeStore()
    let run = VerificationRun(.structure, violationLimit: 10, control: VerificationControl())
    let segments = [2, 3].compactMap { store.properties($0) }
    let directory = StoreDirectory(path: HandmadeStore.path, fileSystem: try store.disk())
    LevelVerifier(levels: [[], segments], directory: directory, run: run).verifyOrder()
    #expect(run.report.isSound)
    LevelVerifier(levels: [[], segments.reversed()], directory: directory, run: run).verifyOrder()
    #expect(run.report.violations.map(\.check) == [.levelOrder])
    LevelVerifier(levels: [segments.reversed()], directory: directory, run: run).verifyOrder()
    #expect(run.report.violations.count == 1)
  }

  @Test func levelAge() throws {
    try expect(
      HandmadeStore { store in
        store.segments[2]?.entries[0].trailer = EntryTrailer(sequence: 25, kind: .value)
      }, fails: .levelAge, in: "00000004.segment")
  }

  // MARK: Value files

  @Test func valueFileParts() throws {
    let name = "00000001.values"
    try expect(flipping(name) { $0 - 60 }, fails: .valueFooter, in: name)
    try expect(flipping(name) { $0 - 128 - 20 }, fails: .valueIndex, in: name)
    try expect(flipping(name) { _ in 42 }, fails: .valueTable, in: name)
    try expect(flipping(name) { _ in 3 }, fails: .valueChunk, in: name)
    try expect(
      HandmadeStore { $0.edit.addedValueFiles[0].rawBytes += 1 }, fails: .valueFileListed, in: name)
  }

  @Test func valueChunkPayload() throws {
    var store = try HandmadeStore()
    let name = "00000001.values"
    var forged = ForgedValueFile(try #require(store.files[name]))
    let start = Int(store.handles[0].storedBytes)
    let end = start + Int(store.handles[1].storedBytes)
    forged.bytes[start] ^= 1
    forged.signChunk(start..<end - 12, entryAt: end - 12)
    let handle = store.handles[1]
    forged.signTable(
      end - 12..<end,
      of: ValueRecord(
        name: handle.name, offset: UInt64(start), storedBytes: handle.storedBytes, rawBytes: handle.rawBytes))
    store.set(name, forged.bytes)
    try expect(store, fails: .valueChunkPayload, in: name)
  }

  @Test func references() throws {
    func store(
      dropping dead: [Int], _ change: (inout HandmadeStore) -> Void = { _ in }
    ) throws -> HandmadeStore {
      try HandmadeStore { store in
        var liveness = ValueLiveness(store.edit.addedValueFiles[0])
        _ = liveness?.drop(dead.map { store.handles[$0] })
        store.edit.addedOrigins = liveness.map { [$0] } ?? []
        change(&store)
      }
    }
    try expect(store(dropping: [0, 2]), fails: .handleRecord, in: "00000002.segment")
    try expect(store(dropping: []), fails: .livenessExact, in: "MANIFEST")
    try expect(
      store(dropping: [1, 2]) { store in
        store.segments[2]?.entries[4].value = store.handles[0].encoded()
      }, fails: .handleUnique, in: "00000002.segment")
  }
}
