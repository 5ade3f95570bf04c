import CairnKV
import CairnTesting
import CrashKit
import Testing

@testable import CairnEngine

/// What an ingest promises, point by point. Random ones are held to a model in `IngestCrashTests`.
@Suite struct IngestTests {
  private let disk = SimulatedFileSystem()
  private var environment: Environment { .simulated(disk, seed: 1) }

  private static var options: EngineOptions {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 64 << 10
    options.segmentBytes = 8 << 10
    return options
  }

  private func open() throws -> Engine {
    try Engine.open(at: "/store", options: Self.options, environment: environment)
  }

  private func dataFiles() throws -> [String] {
    try disk.list("/store").filter { $0.hasSuffix(".segment") || $0.hasSuffix(".values") }
  }

  private static func range(_ lower: UInt8, _ upper: UInt8) -> KeyRange { .init(from: [lower], to: [upper]) }

  /// What is said of segments that may stay holds for these.
  @Test func theDictionaryIsChosenByTheOptions() throws {
    let sizes = try [0, 4096].map { dictionaryBytes in
      var options = EngineOptions()
      options.compressionDictionaryBytes = dictionaryBytes
      // With the default, speed counts for more.
      options.compressionLevel = 2
      let engine = try Engine.open(
        at: "/store", options: options, environment: .simulated(SimulatedFileSystem(), seed: 1))
      var random = SeededGenerator(seed: 1)
      try engine.ingest(into: .all) { ingest in
        for number in 0..<4000 {
          let event = "{\"kind\":\"completed\",\"cost\":\(random.below(1000)),\"text\":\"retrieve document\"}"
          try ingest.append(key: [UInt8(number >> 8), UInt8(number & 255)], value: Array(event.utf8))
        }
      }
      let bytes = engine.statistics().space.segmentBytes
      try engine.close()
      return bytes
    }
    #expect(sizes[1] < sizes[0] * 98 / 100, "\(sizes)")
  }

  // MARK: Arguments

  @Test func keysMustAscendWithinTheRange() throws {
    let engine = try open()
    let committed = try engine.ingest(into: Self.range(10, 20)) { ingest in
      func refusal(_ key: [UInt8], _ value: [UInt8] = []) -> StorageError? {
        do throws(StorageError) {
          try ingest.append(key: key, value: value)
          return nil
        } catch { return error }
      }
      #expect(refusal([9, 0xAB])?.code == .invalidArgument)
      #expect(refusal([9, 0xAB])?.message.contains("09 AB") == true)
      #expect(refusal([20])?.code == .invalidArgument)
      #expect(refusal([12]) == nil)
      #expect(refusal([12])?.code == .invalidArgument)
      #expect(refusal([11, 255])?.message.contains("0B FF") == true)
      #expect(refusal([12, 0]) == nil)
      #expect(refusal([20])?.code == .invalidArgument)
      #expect(refusal([19] + [UInt8](repeating: 0, count: StorageLimits.keyBytes))?.code == .keyTooLong)
      // What was refused was left out, and nothing else.
      #expect(refusal([19, 255, 255]) == nil)
      return ingest.count
    }
    #expect(committed.value == 3)
    #expect(try engine.all().map(\.key) == [[12], [12, 0], [19, 255, 255]])
    #expect(
      code { try engine.ingest(into: Self.range(4, 4)) { try $0.append(key: [4], value: []) } }
        == .invalidArgument)
    let tooLong = KeyRange(from: [], to: [UInt8](repeating: 1, count: StorageLimits.keyBytes + 2))
    #expect(code { try engine.ingest(into: tooLong) { _ in } } == .keyTooLong)
    try engine.close()
    #expect(code { try engine.ingest(into: .all) { _ in } } == .closed)
  }

  @Test func aBodyThatThrowsLeavesNothing() throws {
    struct Stop: Error {}
    let engine = try open()
    try engine.write { try $0.set([1], to: [1]) }
    let before = try dataFiles()
    #expect(throws: Stop.self) {
      try engine.ingest(into: .all, replacing: true) { ingest in
        for key in 0..<200 as Range<UInt8> {
          try ingest.append(key: [key], value: [UInt8](repeating: key, count: key % 3 == 0 ? 3000 : 300))
        }
        throw Stop()
      }
    }
    #expect(try dataFiles() == before)
    #expect(try engine.all() == [KeyValue(key: [1], value: [1])])
    #expect(try engine.write { try $0.set([2], to: []) }.position == CommitPosition(rawValue: 2))
  }

  @Test func withoutEntriesItRemovesOrDoesNothing() throws {
    let engine = try open()
    for key in 0..<9 as Range<UInt8> { try engine.write { try $0.set([key], to: [key]) } }
    #expect(try engine.ingest(into: Self.range(2, 5)) { _ in 7 }.position == nil)
    #expect(try engine.all().count == 9)
    let committed = try engine.ingest(into: Self.range(2, 5), replacing: true) { _ in 7 }
    #expect(committed.value == 7 && committed.position == CommitPosition(rawValue: 10))
    #expect(try engine.all().map(\.key) == [[0], [1], [5], [6], [7], [8]])
    #expect(try dataFiles() == [])
  }

  // MARK: The range must be empty

  @Test func aRangeThatHoldsAKeyIsLeftAsItIs() throws {
    let engine = try open()
    try engine.write { try $0.set([15], to: [1]) }
    let before = try dataFiles()
    for _ in 0..<2 {
      let error = #expect(throws: StorageError.self) {
        try engine.ingest(into: Self.range(10, 20)) { try $0.append(key: [12], value: [2]) }
      }
      #expect(error?.code == .invalidArgument && error?.message.contains("0F") == true)
      #expect(try engine.all() == [KeyValue(key: [15], value: [1])])
      #expect(try dataFiles() == before)
    }
    try engine.write { try $0.remove([15]) }
    try engine.ingest(into: Self.range(10, 20)) { try $0.append(key: [15], value: [2]) }
    #expect(try engine.all() == [KeyValue(key: [15], value: [2])])
  }

  /// The commit leader looks again, for what has come since the range was found empty.
  @Test(arguments: [false, true]) func whatComesAtTheLastMomentIsFound(isRemovedAgain: Bool) throws {
    let engine = try open()
    let files = IngestFiles(tree: engine.tree, queue: environment.scheduler.makeQueue(label: "test"))
    var ingestion = Ingestion(
      engine.tree, files: files, range: Self.range(10, 20), isReplacing: false, byteLimit: 1 << 20)
    try ingestion.write(engine.output(to: files)) { try $0.append(key: [12], value: [2]) }
    guard case .settle = try ingestion.next() else { throw StorageError(.conflict, "") }
    try blockUntilReport { files.whenDurable($0) }
    guard case .commit(let request) = try ingestion.next() else { throw StorageError(.conflict, "") }
    try engine.write { try $0.set([15], to: [1]) }
    if isRemovedAgain { try engine.write { try $0.remove([15]) } }
    let expected: StorageError.Code? = isRemovedAgain ? nil : .invalidArgument
    #expect(code { _ = try engine.pipeline.commit(request) } == expected)
    #expect(try engine.all().map(\.key) == [isRemovedAgain ? [12] : [15]])
  }

  // MARK: Order

  @Test func ithasOnePlaceInTheOrder() throws {
    let engine = try open()
    for key in 0..<30 as Range<UInt8> { try engine.write { try $0.set([key], to: [1]) } }
    let before = try engine.snapshot()
    let expected = try engine.all()
    let committed = try engine.ingest(into: Self.range(5, 25), replacing: true) { ingest in
      for key in stride(from: 6 as UInt8, to: 25, by: 2) {
        try ingest.append(key: [key], value: [UInt8](repeating: 2, count: key == 8 ? 5000 : 3))
      }
    }
    #expect(committed.position == CommitPosition(rawValue: 31))
    #expect(try engine.write { try $0.set([7], to: [3]) }.position == CommitPosition(rawValue: 33))
    let keys =
      (0..<5).map { [UInt8($0)] } + [[6], [7]] + stride(from: 8, to: 25, by: 2).map { [UInt8($0)] }
      + (25..<30).map { [UInt8($0)] }
    #expect(try engine.all().map(\.key) == keys)
    #expect(try engine.get([8]) == [UInt8](repeating: 2, count: 5000))
    #expect(try engine.get([9]) == nil)
    // What compactions and flushes do later changes nothing for an older snapshot.
    for round in 0..<40 as Range<UInt8> {
      try engine.write { try $0.set([100, round], to: [UInt8](repeating: round, count: 9000)) }
    }
    #expect(try before.entries(in: .all) == expected)
    #expect(try before.get([9]) == [1])
  }

  @Test func transactionsThatReadInTheRangeRunAgain() throws {
    let engine = try open()
    for key in 0..<30 as Range<UInt8> { try engine.write { try $0.set([key], to: [1]) } }
    typealias Read = @Sendable (any KeyValueTransaction) throws -> Void
    let reads: [(read: Read, isConflict: Bool)] = [
      ({ _ = try $0.get([12]) }, true), ({ _ = try $0.get([11]) }, true),
      ({ _ = try $0.get([19, 1]) }, true), ({ _ = try $0.first(in: Self.range(13, 14)) }, true),
      ({ _ = try $0.entries(in: .all) }, true), ({ _ = try $0.last(in: Self.range(2, 11)) }, true),
      ({ _ = try $0.get([20]) }, false), ({ _ = try $0.entries(in: Self.range(20, 30)) }, false),
      ({ _ = try $0.first(in: Self.range(9, 20)) }, false), ({ _ = try $0.get([9, 9]) }, false),
    ]
    for (index, (read, isConflict)) in reads.enumerated() {
      var runs = 0
      try engine.transact { transaction in
        runs += 1
        try read(transaction)
        try transaction.set([200], to: [UInt8(index)])
        guard runs == 1 else { return }
        try engine.ingest(into: Self.range(10, 20), replacing: true) { try $0.append(key: [12], value: [2]) }
      }
      #expect(runs == (isConflict ? 2 : 1), "read \(index)")
    }
    // An absent key that an ingest into an empty range brings.
    var runs = 0
    try engine.transact { transaction in
      runs += 1
      let found = try transaction.get([150])
      try transaction.set([201], to: found ?? [])
      if runs == 1 { try engine.ingest(into: Self.range(150, 160)) { try $0.append(key: [150], value: [5]) } }
    }
    #expect(runs == 2)
    #expect(try engine.get([201]) == [5])
  }

  /// A range that readers know to be empty is no longer.
  @Test func whatIsKnownToBeEmptyIsFilled() throws {
    let engine = try open()
    for key in 0..<100 as Range<UInt8> { try engine.write { try $0.set([key], to: [1]) } }
    for key in 0..<100 as Range<UInt8> { try engine.write { try $0.remove([key]) } }
    for _ in 0..<3 { #expect(try engine.all() == []) }
    try engine.ingest(into: .all) { try $0.append(key: [50], value: [2]) }
    #expect(try engine.all() == [KeyValue(key: [50], value: [2])])
    #expect(try engine.read { try $0.last(in: .all) }?.key == [50])
  }

  // MARK: Places

  @Test func segmentsGoAsDeepAsTheyMay() throws {
    let engine = try open()
    func levels() -> [Int] { engine.tree.state.version.levels.map(\.count) }
    try engine.ingest(into: Self.range(10, 20)) { try $0.append(key: [12], value: [2]) }
    try engine.ingest(into: Self.range(20, 30)) { try $0.append(key: [22], value: [2]) }
    #expect(levels() == [0, 0, 0, 0, 0, 0, 2])
    // What is alone beneath it goes, what is not stays.
    try engine.ingest(into: Self.range(12, 25), replacing: true) { try $0.append(key: [22], value: [3]) }
    #expect(engine.tree.state.version.levels[5].count == 1)
    #expect(try engine.all() == [KeyValue(key: [22], value: [3])])
    #expect(try engine.get([12]) == nil)
  }

  /// A compaction's outputs may lie anywhere between the outermost keys of its inputs.
  @Test func theLevelThatACompactionWritesToIsLeftAlone() throws {
    let engine = try open()
    func compaction(_ level: Int, _ lower: UInt8, _ upper: UInt8) -> Compaction {
      let tree = engine.tree
      let properties = SegmentProperties(1000, [lower], .inclusive([upper]))
      let file = SegmentFile(
        properties, openSegments: tree.openSegments,
        reclaimer: FileReclaimer(directory: tree.directory, queue: environment.scheduler.makeQueue(label: ""))
      )
      return Compaction(level: level, targetLevel: level + 1, upper: [file])
    }
    for (level, lower, expected) in [(0, 10, 0), (2, 10, 2), (2, 13, 6), (5, 12, 5)] as [(Int, UInt8, Int)] {
      _ = engine.tree.beginCompaction { _ in compaction(level, lower, 40) }
      let range = KeyRange(from: [12], to: [13])
      try engine.ingest(into: range, replacing: true) { try $0.append(key: [12], value: [2]) }
      engine.tree.endCompaction()
      let found = engine.tree.state.version.levels.firstIndex { !$0.isEmpty }
      #expect(found == expected, "level \(level)")
      // Away with it, for the next.
      var edit = VersionEdit()
      edit.removedSegments = engine.tree.state.version.levels.joined().map(\.number)
      try engine.tree.apply(edit)
    }
  }

  /// Logs that hold nothing but numbers are let go of, though no memtable fills.
  @Test func ingestsAloneLeaveNoLogs() throws {
    let engine = try open()
    for number in 0..<100 as Range<UInt8> {
      try engine.ingest(into: .prefix([number])) { try $0.append(key: [number], value: []) }
    }
    let statistics = engine.statistics()
    #expect(statistics.space.logCount <= 2 && statistics.space.logBytes <= 300 << 10)
    #expect(statistics.ingests.count == 100 && statistics.commits == 100)
    let segments = engine.tree.state.version.levels.joined()
    #expect(statistics.ingests.segmentBytes == segments.reduce(0) { $0 + $1.properties.fileBytes })
    try engine.close()
    #expect(try open().all().count == 100)
  }

  // MARK: Closing

  @Test func closingDuringAnIngest() throws {
    let engine = try open()
    try engine.write { try $0.set([1], to: [1]) }
    let error = #expect(throws: StorageError.self) {
      try engine.ingest(into: Self.range(10, 20)) { ingest in
        try ingest.append(key: [12], value: [2])
        try engine.close()
        disk.setFaultPlan(
          FaultPlan([.init(.create, isSticky: true, cause: .error(StorageError(.corruption, "made late")))]))
        for key in 0..<200 as Range<UInt8> {
          try ingest.append(key: [13, key], value: [UInt8](repeating: 1, count: 500))
        }
      }
    }
    // Not even a file was made: another opener may be there.
    #expect(error?.code == .closed)
    disk.setFaultPlan(FaultPlan())
    #expect(code { try engine.ingest(into: .all) { _ in } } == .closed)
    let again = try open()
    #expect(try again.all() == [KeyValue(key: [1], value: [1])])
    try again.close()
    let history = History()
    let check = RecoveryCheck(path: "/store", options: Self.options, history: history, lower: 0, upper: 0)
    #expect(try check.strays(on: disk) == [])
  }

  // MARK: Failures

  /// A flush that finds no room keeps the ingest from taking effect, and nothing else.
  @Test func aFlushThatFailsIsReported() throws {
    let engine = try open()
    try engine.write { try $0.set([12], to: [1]) }
    disk.setFaultPlan(
      FaultPlan([.init(.create, occurrence: 2, isSticky: true, cause: .noSpace, pathContaining: ".segment")]))
    let failure = code {
      try engine.ingest(into: Self.range(10, 20), replacing: true) { try $0.append(key: [13], value: [2]) }
    }
    #expect(failure == .full)
    #expect(try dataFiles() == [])
    #expect(try engine.get([12]) == [1])
    disk.setFaultPlan(FaultPlan())
    try engine.ingest(into: Self.range(10, 20), replacing: true) { try $0.append(key: [13], value: [2]) }
    #expect(try engine.all() == [KeyValue(key: [13], value: [2])])
    try engine.close()
    #expect(try open().all() == [KeyValue(key: [13], value: [2])])
  }

  /// Numbers that were logged for an ingest that then found no room are used up, and nothing else happens.
  @Test func aManifestWithoutRoomCostsNumbersOnly() throws {
    let engine = try open()
    try engine.write { try $0.set([1], to: [1]) }
    disk.setFaultPlan(
      FaultPlan([.init(.preallocate, isSticky: true, cause: .noSpace, pathContaining: "MANIFEST")]))
    var failures = 0
    for _ in 0..<30 {
      let failure = code {
        try engine.ingest(into: Self.range(10, 20), replacing: true) { try $0.append(key: [13], value: [2]) }
      }
      if failure == .full { failures += 1 }
    }
    #expect(failures > 0)
    disk.setFaultPlan(FaultPlan())
    try engine.write { try $0.set([2], to: [2]) }
    let expected = try engine.all()
    try engine.close()
    for _ in 0..<2 {
      let again = try open()
      #expect(try again.all() == expected)
      try again.close()
    }
  }
}
