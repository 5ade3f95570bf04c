import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct WriteBatchTests {
  /// An operation as plain values.
  enum Plain: Hashable {
    case removal([UInt8])
    case value([UInt8], [UInt8])
    case rangeRemoval([UInt8], [UInt8]?)

    init(_ operation: BatchDecoder.Operation) {
      self =
        switch operation {
        case .removal(let key): .removal([UInt8](key))
        case .value(let key, let value): .value([UInt8](key), [UInt8](value))
        case .rangeRemoval(let lower, let upper): .rangeRemoval([UInt8](lower), upper.map { [UInt8]($0) })
        }
    }
  }

  private static func random(_ random: inout SeededGenerator) throws -> (WriteBatch, [Plain]) {
    var batch = WriteBatch(byteLimit: 1 << 30)
    var expected: [Plain] = []
    for _ in 0..<random.below(12) {
      var key = random.bytes(random.below(20))
      if random.isHit(oneIn: 60) { key = [UInt8](repeating: 7, count: StorageLimits.keyBytes) }
      switch random.below(4) {
      case 0:
        try batch.remove(key)
        expected.append(.removal(key))
      case 1:
        let upper = random.isHit(oneIn: 3) ? nil : key + [0]
        try batch.remove(KeyRange(from: key, to: upper))
        expected.append(.rangeRemoval(key, upper))
      default:
        let value = [UInt8](repeating: key.last ?? 1, count: random.below(400))
        try batch.set(key, to: value)
        expected.append(.value(key, value))
      }
    }
    return (batch, expected)
  }

  private static func decode(_ bytes: [UInt8]) -> (operations: [Plain], isWhole: Bool) {
    bytes.withUnsafeBytes { bytes in
      var decoder = BatchDecoder(bytes)
      var result: [Plain] = []
      while let operation = decoder.next() { result.append(Plain(operation)) }
      return (result, decoder.isAtEnd)
    }
  }

  @Test(arguments: 1...60 as ClosedRange<UInt64>) func whatIsPutInIsDecoded(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let (batch, expected) = try Self.random(&random)
    let (operations, isWhole) = Self.decode(batch.encoded())
    #expect(operations == expected)
    #expect(isWhole)
    #expect(Int(batch.count) == expected.count)
    #expect(batch.isEmpty == expected.isEmpty)
  }

  /// Groups of batches changed anywhere: replayed or refused, never a trap, and never more entries than
  /// there are bytes.
  @Test(arguments: 1...8 as ClosedRange<UInt64>) func damagedGroupsAreRefusedOrRead(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<100 {
      let buffer = FrameBuffer()
      let count = 1 + random.below(3)
      var batches = 0
      for _ in 0..<count {
        let (batch, _) = try Self.random(&random)
        if batch.isEmpty { continue }
        BatchGroup.append(batch, to: buffer)
        batches += 1
      }
      var bytes = [UInt8](buffer.payload)
      let untouched = bytes.withUnsafeBytes {
        BatchGroup.replay(
          $0, batchCount: UInt32(batches), firstSequence: 1, to: Memtable(oldestLog: 0, firstChunkBytes: 512))
      }
      #expect(untouched != nil)
      for _ in 0...random.below(3) where !bytes.isEmpty {
        // Mostly near the front, where the lengths are.
        let place = random.below(random.isHit(oneIn: 2) ? min(bytes.count, 40) : bytes.count)
        switch random.below(4) {
        case 0: bytes[place] ^= 1 << UInt8(random.below(8))
        case 1: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF][random.below(5)]
        case 2: bytes.removeSubrange(place...)
        default: bytes.insert(contentsOf: [UInt8](repeating: 0xFF, count: random.below(12)), at: place)
        }
      }
      let first = [1, 77, EntryTrailer.firstOwnSequence - 2, EntryTrailer.firstOwnSequence, .max][
        random.below(5)]
      let memtable = Memtable(oldestLog: 0, firstChunkBytes: 512)
      let found = bytes.withUnsafeBytes {
        BatchGroup.replay(
          $0, batchCount: random.isHit(oneIn: 4) ? .max : UInt32(batches), firstSequence: first, to: memtable)
      }
      #expect(memtable.entryCount + memtable.rangeRemovalCount <= bytes.count)
      if let found { #expect(found <= EntryTrailer.firstOwnSequence - first) }
    }
  }

  // MARK: Limits

  private func code(_ body: (inout WriteBatch) throws -> Void) -> StorageError.Code? {
    var batch = WriteBatch(byteLimit: 1 << 40)
    var code: StorageError.Code?
    do { try body(&batch) } catch { code = (error as? StorageError)?.code }
    #expect((code == nil) == (batch.count > 0))
    if code != nil { #expect(batch.isEmpty) }
    return code
  }

  @Test func keysEndWhereTheLimitSays() {
    let longest = [UInt8](repeating: 1, count: StorageLimits.keyBytes)
    let tooLong = longest + [1]
    #expect(code { try $0.set(longest, to: []) } == nil)
    #expect(code { try $0.set(tooLong, to: []) } == .keyTooLong)
    #expect(code { try $0.remove(longest) } == nil)
    #expect(code { try $0.remove(tooLong) } == .keyTooLong)
    let prefix = [UInt8](repeating: 1, count: StorageLimits.keyBytes - 8)
    #expect(code { try $0.set(CommitOrderedBytes(prefix: prefix), to: .init([])) } == nil)
    #expect(code { try $0.set(CommitOrderedBytes(prefix: prefix + [1]), to: .init([])) } == .keyTooLong)
    // A bound may be the successor of the longest key.
    #expect(code { try $0.remove(.key(longest)) } == nil)
    #expect(code { try $0.remove(KeyRange(from: tooLong, to: nil)) } == nil)
    #expect(code { try $0.remove(KeyRange(from: tooLong + [0], to: nil)) } == .keyTooLong)
    #expect(code { try $0.remove(KeyRange(from: [], to: tooLong + [0])) } == .keyTooLong)
    #expect(code { try $0.set([], to: []) } == nil)
    #expect(code { try $0.remove([UInt8]()) } == nil)
  }

  @Test func valuesEndWhereTheLimitSays() {
    // Memory that nobody touches is no memory.
    let tooLarge = [UInt8](unsafeUninitializedCapacity: StorageLimits.valueBytes + 1) { _, count in
      count = StorageLimits.valueBytes + 1
    }
    #expect(code { try $0.set([1], to: tooLarge) } == .valueTooLarge)
    #expect(code { try $0.set(.init([1]), to: CommitOrderedBytes(tooLarge)) } == .valueTooLarge)
  }

  @Test func aBatchEndsWhereItsLimitSays() throws {
    var batch = WriteBatch(byteLimit: 1000)
    try batch.set([1], to: [UInt8](repeating: 0, count: 900))
    let before = batch.encoded()
    for _ in 0..<2 {
      let error = #expect(throws: StorageError.self) {
        try batch.set([2], to: [UInt8](repeating: 0, count: 100))
      }
      #expect(error?.code == .transactionTooLarge)
      #expect(batch.encoded() == before)
    }
    try batch.remove([3])
    #expect(batch.count == 2)
    #expect(batch.byteCount <= 1000)
  }

  // MARK: The commit's own position

  @Test func thePositionIsFilledInWhereItBelongs() throws {
    var batch = WriteBatch(byteLimit: 10_000)
    let key = CommitOrderedBytes(prefix: [1, 2], addend: 0, suffix: [3])
    let value = CommitOrderedBytes(prefix: [], addend: 2, suffix: [9])
    try batch.set([5], to: [6])
    try batch.set(key, to: value)
    try batch.set(CommitOrderedBytes([7]), to: CommitOrderedBytes(prefix: [8], addend: 1))
    try batch.checkAddends()
    #expect(batch.commitOrdered == [1, 2])
    for position in [0x0102_0304_0506_0708, 1] as [UInt64] {
      batch.resolve(at: position)
      let at = CommitPosition(rawValue: position)
      #expect(
        Self.decode(batch.encoded()).operations == [
          .value([5], [6]), .value(key.resolved(at: at), value.resolved(at: at)),
          .value([7], CommitOrderedBytes(prefix: [8], addend: 1).resolved(at: at)),
        ])
    }
  }

  @Test(arguments: [(0, true), (2, true), (3, false), (UInt32.max, false)])
  func anAddendStaysBelowTheNextCommit(addend: UInt32, isFine: Bool) throws {
    var batch = WriteBatch(byteLimit: 10_000)
    try batch.set(CommitOrderedBytes(prefix: [], addend: addend), to: .init([]))
    try batch.remove([1])
    try batch.remove([2])
    let error: StorageError?
    do throws(StorageError) {
      try batch.checkAddends()
      error = nil
    } catch let caught {
      error = caught
    }
    #expect(error?.code == (isFine ? nil : .invalidArgument))
  }
}
