import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

@Suite struct SegmentOutputTests {
  private let disk = SimulatedFileSystem()
  private let directory: StoreDirectory
  private let numbers = Counter()

  init() { directory = StoreDirectory(path: "/", fileSystem: disk) }

  private func output(
    targetBytes: Int, rule: PrefixRule = .none, below: [SegmentFile] = [], overlap: UInt64 = .max
  ) -> SegmentOutput {
    var output = SegmentOutput(
      directory: directory, random: SeededRandomSource(seed: 1),
      segmentOptions: SegmentOptions(blockBytes: 300, prefixRule: rule), targetBytes: targetBytes,
      allocateFileNumber: { [numbers] in numbers.next() })
    output.below = below
    output.greatestOverlapBytes = overlap
    return output
  }

  private final class Counter: Sendable {
    private let value = Mutex<UInt64>(0)
    func next() -> UInt64 {
      value.withLock { value in
        value += 1
        return value
      }
    }
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>, [1, 1500, .max])
  func theSegmentsHoldAllAndShareNoKey(seed: UInt64, targetBytes: Int) throws {
    var random = SeededGenerator(seed: seed)
    let keys = VersionedModel.keys(60, &random)
    let model = VersionedModel.random(random.isHit(oneIn: 6) ? 3 : 400, first: 1, keys: keys, &random)
    // A snapshot at every number: everything is kept.
    let snapshots = Array(1...400 as ClosedRange<UInt64>)
    let removals = RangeTombstoneSet(model.tombstones)
    let sieve = EntrySieve(snapshots: snapshots, removals: removals) { _ in false }
    let rule = random.isHit(oneIn: 2) ? PrefixRule.none : .fixedLength(1)
    var forest = Forest()
    for (number, key) in keys.enumerated() where number % 7 == 3 {
      _ = forest.flush(key, .inclusive(key), level: 2) { $0.fileBytes = 40 }
    }
    let written = try output(
      targetBytes: targetBytes, rule: rule, below: forest.version.levels[2],
      overlap: random.isHit(oneIn: 2) ? 70 : .max
    ).write(
      Memtable(model.entries).makeCursor(), sieve, removals: removals.fragmented(snapshots: snapshots)
    ).segments

    var state = VersionState(storeIdentity: [])
    var edit = VersionEdit()
    edit.addedSegments = written.map { .init(level: 1, properties: $0) }
    edit.lastSequence = 400
    let isApplied = state.apply(edit)
    #expect(isApplied, "two segments of a level share a key")
    if targetBytes == 1 { #expect(written.count >= Set(model.entries.map(\.key)).count) }

    let cache = BlockCache(capacityBytes: 1 << 20)
    var read = VersionedModel()
    for properties in written {
      let file = try directory.open(.segment(properties.fileNumber), .read)
      #expect(try file.size() == properties.fileBytes)
      let reader = try SegmentReader(file: file, fileNumber: properties.fileNumber, cache: cache)
      #expect(reader.properties == properties)
      read.entries += try reader.allEntries()
      read.tombstones += reader.removals.all
      for entry in try reader.allEntries() {
        #expect(entry.key.withUnsafeBytes { properties.mayContain($0) })
      }
    }
    #expect(read.entries == model.entries.sorted(by: ModelEntry.precedes))
    for snapshot in stride(from: 0 as UInt64, through: 400, by: 40) {
      #expect(read.visible(at: snapshot) == model.visible(at: snapshot))
    }
    for key in keys + [[], [255, 255, 255, 255, 255]] {
      let covering = { (tombstones: [RangeTombstone]) in
        key.withUnsafeBytes { RangeTombstoneSet(tombstones).newestCovering($0, visibleAt: 400) }
      }
      #expect(covering(read.tombstones) == covering(model.tombstones))
    }
    // Segments and their names are durable.
    #expect(disk.unsynchronizedChangeCount == 0)
  }

  /// A long stream has value files of a bounded size.
  @Test func valueFilesAreCut() throws {
    let keys = (0..<40 as Range<UInt8>).map { [$0] }
    var output = output(targetBytes: 400)
    output.valueThreshold = 100
    output.valueFileBytes = 2000
    let writer = SortedRunWriter(output, removals: [])
    for key in keys {
      try key.withUnsafeBytes { key in
        try [UInt8](repeating: 1, count: 150).withUnsafeBytes { value in
          try writer.add(key: key, trailer: EntryTrailer(sequence: 1, kind: .value), value: value)
        }
      }
    }
    let written = try writer.finish()
    #expect(written.valueFiles.count > 2)
    #expect(written.valueFiles.allSatisfy { $0.fileBytes < 2500 })
    #expect(written.valueFiles.reduce(0) { $0 + $1.recordCount } == 40)
    writer.discard()
    #expect(try directory.entries() == [])
  }

  private func write(
    _ entries: [ModelEntry], _ removals: [RangeTombstone] = [], to output: SegmentOutput
  ) throws -> [SegmentProperties] {
    let sieve = EntrySieve(snapshots: [], removals: RangeTombstoneSet()) { _ in false }
    return try output.write(Memtable(entries).makeCursor(), sieve, removals: removals).segments
  }

  private func entries(_ keys: [[UInt8]]) -> [ModelEntry] {
    keys.map {
      ModelEntry(
        key: $0, trailer: EntryTrailer(sequence: 1, kind: .value), value: .init(repeating: 7, count: 90))
    }
  }

  /// Three quarters of the target are enough for a segment that would begin a new prefix next.
  @Test func segmentsEndBetweenPrefixes() throws {
    let all = entries((0..<40 as Range<UInt8>).flatMap { run in (0..<30).map { [run, $0] } })
    let written = try write(all, to: output(targetBytes: 10_000, rule: .fixedLength(1)))
    #expect(written.count > 8)
    for segment in written {
      #expect(segment.lowerBound[1] == 0)
      if case .inclusive(let upper) = segment.upperBound { #expect(upper[1] == 29) }
    }
    let whole = try write(all, to: output(targetBytes: .max))
    #expect(whole.count == 1)
    // A prefix that is longer than a segment is cut all the same, at four thirds of the target.
    let long = entries((0..<200 as Range<UInt8>).map { [1, $0] })
    let parts = try write(long, to: output(targetBytes: 3000, rule: .fixedLength(1)))
    #expect(parts.count > 3)
    #expect(parts.dropLast().allSatisfy { (3200...4400).contains($0.fileBytes) })
  }

  @Test func segmentsOverlapLittleOfTheLevelAfterTheirs() throws {
    var forest = Forest()
    for key in 0..<100 as Range<UInt8> {
      let isApplied = forest.flush([key, 2], .inclusive([key, 3]), level: 2) { $0.fileBytes = 100 }
      #expect(isApplied)
    }
    let below = forest.version.levels[2]
    let all = entries((0..<100 as Range<UInt8>).flatMap { [[$0, 1], [$0, 4]] })
    let written = try write(all, to: output(targetBytes: 1 << 20, below: below, overlap: 500))
    #expect((16...20).contains(written.count))
    // Nor do two range removals with all that lies between them make one segment.
    let removals = [
      RangeTombstone(lower: [5], upper: [6], sequence: 9),
      RangeTombstone(lower: [80], upper: nil, sequence: 8),
    ]
    let apart = try write([], removals, to: output(targetBytes: 1 << 20, below: below, overlap: 500))
    #expect(apart.map(\.upperBound) == [.exclusive([6]), .unbounded])
  }

  /// A key with more versions than a segment has room for is in one segment all the same.
  @Test func allVersionsOfAKeyStayTogether() throws {
    let versions = (1...300 as ClosedRange<UInt64>).map { sequence in
      ModelEntry(
        key: [5], trailer: EntryTrailer(sequence: sequence, kind: .value),
        value: .init(repeating: 1, count: 50))
    }
    let sieve = EntrySieve(snapshots: Array(1...300), removals: RangeTombstoneSet()) { _ in false }
    let written = try output(targetBytes: 500).write(
      Memtable(entries([[4]]) + versions + entries([[6]])).makeCursor(), sieve, removals: []
    ).segments
    #expect(written.map(\.valueCount) == [301, 1] || written.map(\.valueCount) == [1, 300, 1])
    #expect(written.reduce(0) { $0 + $1.supersededCount } == 299)
  }

  @Test func nothingToWriteMakesNoFile() throws {
    let sieve = EntrySieve(snapshots: [], removals: RangeTombstoneSet()) { _ in true }
    #expect(try output(targetBytes: 1).write(Memtable([]).makeCursor(), sieve, removals: []).segments.isEmpty)
    #expect(try directory.entries() == [])
  }

  /// On a full disk a try costs nothing: else every further one would leave another file.
  @Test(arguments: [FaultPlan.Operation.create, .write, .synchronize, .close, .synchronizeDirectory], 1...3)
  func aFailureLeavesNoFile(operation: FaultPlan.Operation, occurrence: Int) throws {
    var random = SeededGenerator(seed: 4)
    let model = VersionedModel.random(300, first: 1, keys: VersionedModel.keys(60, &random), &random)
    let sieve = EntrySieve(snapshots: [], removals: RangeTombstoneSet()) { _ in false }
    disk.setFaultPlan(FaultPlan([.init(operation, occurrence: occurrence, cause: .noSpace)]))
    let error = #expect(throws: StorageError.self) {
      for _ in 0..<3 {
        _ = try output(targetBytes: 400).write(Memtable(model.entries).makeCursor(), sieve, removals: [])
        for entry in try directory.entries() { try directory.remove(entry) }
      }
    }
    // A sync that fails is never merely a full disk: what it was to make durable may be lost.
    let isSynchronization = [.synchronize, .synchronizeDirectory].contains(operation)
    #expect(error?.code == (isSynchronization ? .inputOutput : .full))
    #expect((directory.latch.refusal != nil) == isSynchronization)
    #expect(try directory.entries() == [])
  }
}
