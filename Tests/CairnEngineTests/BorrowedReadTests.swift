import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

/// What reads lend: the store's own memory, for as long as the call, whatever happens to the store meanwhile.
@Suite struct BorrowedReadTests {
  private static func open(
    _ disk: SimulatedFileSystem = SimulatedFileSystem(), valueThreshold: Int = 2048
  ) throws -> Engine {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 16 << 10
    options.segmentBytes = 16 << 10
    options.valueThreshold = valueThreshold
    return try Engine.open(at: "/store", options: options, environment: .simulated(disk, seed: 1))
  }

  private static func key(_ index: Int) -> [UInt8] { [UInt8(index >> 8), UInt8(index & 255)] }
  private static func value(_ index: Int, _ bytes: Int = 300) -> [UInt8] {
    [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: bytes)
  }

  private static func address(_ bytes: RawSpan?) -> UnsafeRawPointer? {
    bytes?.withUnsafeBytes { $0.baseAddress }
  }

  private static func isSameMemory(_ reader: any KeyValueReader, _ key: [UInt8]) throws -> Bool {
    try reader.withValue(of: key) { one in
      let address = address(one)
      return try address != nil && reader.withValue(of: key) { Self.address($0) == address }
    }
  }

  /// Two loans of one value at the same time are of the same bytes: neither is of a copy.
  @Test func aValueInMemoryIsNotCopied() throws {
    let disk = SimulatedFileSystem()
    let engine = try Self.open(disk)
    try engine.write { try $0.set(Self.key(0), to: Self.value(0)) }
    let inMemtable = Self.key(0)
    #expect(try engine.read { try Self.isSameMemory($0, inMemtable) })
    for index in 1..<200 { try engine.write { try $0.set(Self.key(index), to: Self.value(index)) } }
    #expect(try disk.list("/store").contains { $0.hasSuffix(".segment") })
    let inBlock = Self.key(3)
    try engine.read { reader in
      #expect(try Self.isSameMemory(reader, inBlock))
      // The same with a scan's entries, in both directions.
      for direction in [ScanDirection.ascending, .descending] {
        var isSame = false
        try reader.forEachEntry(in: .key(inBlock), direction, limit: nil) { _, value in
          let address = Self.address(value)
          isSame = (try? reader.withValue(of: inBlock) { Self.address($0) == address }) ?? false
          return .proceed
        }
        #expect(isSame, "\(direction)")
      }
    }
    try engine.close()
  }

  /// The lender of a value holds what it stands in: blocks are evicted, segments compacted away and removed,
  /// memtables flushed, while the loan lasts.
  @Test(arguments: [64, 2048], [true, false])
  func aLoanOutlivesEverything(valueThreshold: Int, isSnapshot: Bool) throws {
    let engine = try Self.open(valueThreshold: valueThreshold)
    for index in 0..<300 { try engine.write { try $0.set(Self.key(index), to: Self.value(index)) } }
    for lent in [0, 150, 299] {
      let expected = try #require(try engine.get(Self.key(lent)))
      func disturb() throws {
        for index in 0..<300 {
          try engine.write { try $0.set(Self.key(index), to: Self.value(index + 77 + lent)) }
        }
        try engine.write { try $0.remove(.all) }
        for index in 0..<300 { try engine.write { try $0.set(Self.key(index), to: Self.value(index)) } }
        #expect(try engine.all().count == 300)
      }
      func body(_ reader: any KeyValueReader) throws {
        try reader.withValue(of: Self.key(lent)) { value in
          try disturb()
          let bytes = value?.withUnsafeBytes { [UInt8]($0) }
          #expect(bytes == expected)
        }
      }
      if isSnapshot { try body(engine.snapshot()) } else { try engine.read { try body($0) } }
    }
    try engine.close()
  }

  /// A transaction lends what it wrote itself, and goes on writing: the loan stays as it was.
  @Test func aTransactionLendsItsOwnWrites() throws {
    let engine = try Self.open()
    try engine.transact { tx in
      try tx.set([1], to: [1, 2, 3])
      try tx.withValue(of: [1]) { value in
        for index in 0..<200 { try tx.set(Self.key(index), to: Self.value(index)) }
        try tx.set([1], to: [9])
        #expect(try tx.get([1]) == [9])
        let lent = value?.withUnsafeBytes { [UInt8]($0) }
        #expect(lent == [1, 2, 3])
      }
      try tx.remove([1])
      #expect(try tx.lent([1]) == nil)
    }
    #expect(try engine.all().count == 200)
    try engine.close()
  }

  /// What a transaction borrowed it depends on, as if it had copied it.
  @Test func aLoanIsValidatedAtCommit() throws {
    let engine = try Self.open()
    try engine.write { try $0.set([1], to: [1]) }
    for isScan in [false, true] {
      var runs = 0
      try engine.transact { tx in
        runs += 1
        let found = isScan ? try tx.lentEntries(in: .key([1])).first?.value : try tx.lent([1])
        if runs == 1 { try engine.write { try $0.set([1], to: [UInt8(isScan ? 3 : 2)]) } }
        try tx.set([2], to: try #require(found))
      }
      #expect(runs == 2)
      #expect(try engine.get([2]) == [UInt8(isScan ? 3 : 2)])
    }
    try engine.close()
  }

  @Test func errors() throws {
    struct Refusal: Error {}
    let engine = try Self.open()
    try engine.write { try $0.set([1], to: [1]) }
    try engine.read { reader in
      #expect(throws: Refusal.self) { try reader.withValue(of: [1]) { _ in throw Refusal() } }
      let tooLong = [UInt8](repeating: 1, count: StorageLimits.keyBytes + 1)
      #expect(code { try reader.withValue(of: tooLong) { _ in } } == .keyTooLong)
      #expect(
        code { try reader.forEachEntry(in: .all, .ascending, limit: -1) { _, _ in .stop } }
          == .invalidArgument)
    }
    let escaped = try engine.read { $0 }
    #expect(code { try escaped.withValue(of: [1]) { _ in } } == .ended)
    #expect(code { try escaped.forEachEntry(in: .all, .ascending, limit: nil) { _, _ in .stop } } == .ended)
    let snapshot = try engine.snapshot()
    try engine.close()
    #expect(code { try snapshot.withValue(of: [1]) { _ in } } == .closed)
    #expect(code { try snapshot.forEachEntry(in: .all, .ascending, limit: nil) { _, _ in .stop } } == .closed)
  }
}
