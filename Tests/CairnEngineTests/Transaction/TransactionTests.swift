import CairnKV
import CairnTesting
import Synchronization
import Testing

@testable import CairnEngine

@Suite struct TransactionTests {
  private let engine: Engine

  init() throws {
    engine = try Engine.open(at: "/store", environment: .simulated(SimulatedFileSystem(), seed: 1))
  }

  @Test func nothingIsUsedAfterItsEnd() throws {
    var transaction: (any KeyValueTransaction)?
    var reader: (any KeyValueReader)?
    let result = try engine.transact { tx in
      transaction = tx
      try tx.set([1], to: [1])
    }
    try engine.read { reader = $0 }
    #expect(result.position != nil)
    let late = try #require(transaction)
    let uses: [() throws -> Void] = [
      { _ = try late.get([1]) }, { _ = try late.first(in: .all) }, { _ = try late.last(in: .all) },
      { _ = try late.entries(in: .all) }, { try late.set([1], to: [2]) }, { try late.remove([1]) },
      { try late.set(CommitOrderedBytes([1]), to: CommitOrderedBytes([2])) }, { try late.remove(.all) },
      { _ = try reader?.get([1]) }, { _ = try reader?.first(in: .all) }, { _ = try reader?.last(in: .all) },
      { _ = try reader?.entries(in: .all) },
    ]
    for use in uses { #expect(code(use) == .ended) }
    #expect(try engine.get([1]) == [1])
  }

  @Test func whatThrowsCommitsNothing() throws {
    struct Refusal: Error {}
    #expect(throws: Refusal.self) {
      try engine.transact { tx in
        try tx.set([1], to: [1])
        throw Refusal()
      }
    }
    #expect(throws: Refusal.self) {
      try engine.write { batch in
        try batch.set([1], to: [1])
        throw Refusal()
      }
    }
    #expect(try engine.all() == [])
    #expect(try engine.transact { try $0.get([1]) }.position == nil)
    #expect(try engine.write { _ in }.position == nil)
  }

  @Test(arguments: [1, 2, 7]) func aTransactionThatIsAlwaysOvertakenGivesUp(runs: Int) throws {
    var options = EngineOptions()
    options.greatestTransactionRuns = runs
    let engine = try Engine.open(
      at: "/store", options: options, environment: .simulated(SimulatedFileSystem(), seed: 1))
    var count = 0
    let error = #expect(throws: StorageError.self) {
      try engine.transact { tx in
        count += 1
        _ = try tx.get([1])
        try engine.write { try $0.set([1], to: [UInt8(count)]) }
        try tx.set([2], to: [9])
      }
    }
    #expect(error?.code == .conflict)
    #expect(count == runs)
    #expect(try engine.all() == [KeyValue(key: [1], value: [UInt8(runs)])])
  }

  /// What conflicts with what: a read, and what another transaction commits before this one does.
  @Test func aReadConflictsWithWhatChangesIt() throws {
    typealias Body = (any KeyValueTransaction) throws -> Void
    let range = KeyRange(from: [10], to: [20])
    func set(_ key: UInt8) -> Body { { try $0.set([key], to: [99]) } }
    func remove(_ key: UInt8) -> Body { { try $0.remove([key]) } }
    func remove(_ from: UInt8, _ to: UInt8) -> Body { { try $0.remove(KeyRange(from: [from], to: [to])) } }
    let get: Body = { _ = try $0.get([15]) }
    let getNone: Body = { _ = try $0.get([16]) }
    let scan: Body = { _ = try $0.entries(in: range) }
    let firstTwo: Body = { _ = try $0.entries(in: range, limit: 2) }
    let lastTwo: Body = { _ = try $0.entries(in: range, .descending, limit: 2) }
    let first: Body = { _ = try $0.first(in: range) }
    let last: Body = { _ = try $0.last(in: range) }
    let nothing: Body = { _ = try $0.entries(in: KeyRange(from: [30], to: [40])) }
    let cases: [(name: String, read: Body, other: Body, conflicts: Bool)] = [
      ("get, set", get, set(15), true), ("get, remove", get, remove(15), true),
      ("get, remove range", get, remove(14, 16), true), ("get, beside", get, set(14), false),
      ("get, range beside", get, remove(16, 30), false), ("get none, set", getNone, set(16), true),
      ("get none, remove", getNone, remove(16), true),
      ("scan, phantom", scan, set(19), true), ("scan, lower bound", scan, set(10), true),
      ("scan, upper bound", scan, set(20), false), ("scan, before", scan, set(9), false),
      ("scan, remove range into it", scan, remove(1, 11), true),
      ("scan, remove range up to it", scan, remove(1, 10), false),
      ("first two, within", firstTwo, set(12), true),
      ("first two, the last of them", firstTwo, remove(13), true),
      ("first two, behind", firstTwo, set(14), false), ("last two, within", lastTwo, set(16), true),
      ("last two, the last of them", lastTwo, remove(15), true),
      ("last two, before", lastTwo, set(14), false),
      ("first, before it", first, set(10), true), ("first, itself", first, set(11), true),
      ("first, behind it", first, set(12), false), ("last, behind it", last, set(18), true),
      ("last, itself", last, remove(17), true), ("last, before it", last, set(16), false),
      ("empty range, phantom", nothing, set(35), true), ("empty range, beside", nothing, set(40), false),
      ("own write only", { _ in }, set(15), false),
    ]
    for test in cases {
      try engine.write { batch in
        try batch.remove(.all)
        for key in [11, 13, 15, 17] as [UInt8] { try batch.set([key], to: [key]) }
      }
      var runs = 0
      try engine.transact { tx in
        runs += 1
        try test.read(tx)
        try tx.set([200], to: [1])
        if runs == 1 { try engine.transact { try test.other($0) } }
      }
      #expect(runs == (test.conflicts ? 2 : 1), "\(test.name)")
    }
  }

  /// A transaction's reads against a dictionary that has its snapshot and its own writes.
  @Test(arguments: 1...10 as ClosedRange<UInt64>) func aTransactionReadsItsOwnWrites(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var model = OrderedModel()
    for _ in 0..<12 {
      var next = model
      try engine.transact { tx in
        for _ in 0..<20 {
          let operation = ModelOperation.random(&random)
          #expect(try operation.run(tx) == operation.run(&next))
        }
        // Their place is not known yet, so they are not read.
        try tx.set(CommitOrderedBytes(prefix: [250]), to: CommitOrderedBytes([1]))
        #expect(try tx.entries(in: .prefix([250])).isEmpty)
        try tx.remove(.prefix([250]))
      }
      model = next
      #expect(try engine.all() == model.entries)
    }
  }

  @Test func limitsHoldInTheEngine() throws {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    let engine = try Engine.open(
      at: "/store", options: options, environment: .simulated(SimulatedFileSystem(), seed: 1))
    let large = [UInt8](repeating: 1, count: 3 << 20)
    #expect(
      code {
        try engine.transact { tx in
          try tx.set([1], to: large)
          try tx.set([2], to: large)
        }
      } == .transactionTooLarge)
    #expect(try engine.all() == [])
    try engine.write { try $0.set([], to: []) }
    #expect(try engine.get([]) == [UInt8]())
    #expect(try engine.get([0]) == nil)
    try engine.transact { try $0.remove([UInt8]()) }
    #expect(try engine.get([]) == nil)
    let longest = [UInt8](repeating: 255, count: StorageLimits.keyBytes)
    try engine.write { try $0.set(longest, to: [1]) }
    #expect(try engine.get(longest) == [1])
    #expect(code { try engine.transact { try $0.set(longest + [1], to: []) } } == .keyTooLong)
    try engine.write { try $0.set([3], to: large) }
    #expect(try engine.get([3]) == large)
    try engine.close()
    #expect(code { _ = try engine.get([3]) } == .closed)
    #expect(code { try engine.write { try $0.remove([3]) } } == .closed)
    #expect(code { try engine.transact { try $0.remove([3]) } } == .closed)
    try engine.close()
  }

  @Test func addendsThatReachTheNextCommitAreRefused() throws {
    for addend in [0, 1, 2, 3] as [UInt32] {
      let refused = code {
        try engine.transact { tx in
          try tx.set(CommitOrderedBytes(prefix: [1], addend: addend), to: .init([]))
          try tx.set([2], to: [])
        }
      }
      #expect(refused == (addend < 2 ? nil : .invalidArgument))
      let refusedBlind = code {
        try engine.write { try $0.set(CommitOrderedBytes(prefix: [3], addend: addend), to: .init([])) }
      }
      #expect(refusedBlind == (addend < 1 ? nil : .invalidArgument))
    }
  }

  @Test func commitOrderedKeysAscendAcrossThreads() throws {
    let engine = try Engine.open(at: "/store", environment: .threaded(SimulatedFileSystem()))
    let failures = Shared<String>()
    onThreads(4) { thread in
      var last: UInt64 = 0
      for number in 0..<60 {
        do {
          let count = UInt32(1 + (thread + number) % 3)
          let position = try engine.transact { tx in
            for addend in 0..<count {
              let name = CommitOrderedBytes([UInt8(thread), UInt8(number), UInt8(addend)])
              try tx.set(CommitOrderedBytes(prefix: [7], addend: addend), to: name)
            }
          }.position?.rawValue
          guard let position, position > last else { return failures.add("positions go back") }
          let written = CommitOrderedBytes(prefix: [7], addend: count - 1).resolved(
            at: .init(rawValue: position))
          if try engine.get(written) != [UInt8(thread), UInt8(number), UInt8(count - 1)] {
            failures.add("a key does not hold its commit's position")
          }
          last = position
        } catch { failures.add("\(error)") }
      }
    }
    #expect(failures.all == [])
    let entries = try engine.all()
    #expect(entries.count == 4 * 120)
    for thread in 0..<4 as Range<UInt8> {
      let own = entries.map(\.value).filter { $0[0] == thread }
      #expect(own == own.sorted { $0.lexicographicallyPrecedes($1) })
    }
  }
}
