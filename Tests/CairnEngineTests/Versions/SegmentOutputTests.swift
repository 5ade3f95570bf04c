import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

@Suite struct SegmentOutputTests {
  private let disk = SimulatedFileSystem()
  private let directory: StoreDirectory

  init() { directory = StoreDirectory(path: "/", fileSystem: disk) }

  private func output(targetBytes: Int) -> SegmentOutput {
    let next = Counter()
    return SegmentOutput(
      directory: directory, random: SeededRandomSource(seed: 1),
      segmentOptions: SegmentOptions(blockBytes: 300),
      targetBytes: targetBytes, allocateFileNumber: { next.next() })
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
    let written = try output(targetBytes: targetBytes).write(
      Memtable(model.entries).makeCursor(), sieve, removals: removals.fragmented(snapshots: snapshots)
    ).segments

    var state = VersionState(storeIdentity: [])
    var edit = VersionEdit()
    edit.addedSegments = written.map { .init(level: 1, properties: $0) }
    edit.lastSequence = 400
    let isApplied = state.apply(edit)
    #expect(isApplied, "two segments of a level share a key")
    if targetBytes == .max { #expect(written.count <= 1) }
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
