import CairnKV
import CairnTesting
import Testing

@testable import CairnEngine

@Suite struct SerializabilityTests {
  /// A committed transaction: what it did, and what it read.
  private struct Committed: Sendable {
    var position: CommitPosition?
    var steps: [(operation: ModelOperation, found: [KeyValue])]
  }

  /// Threads run random transactions over few keys and ranges. Replayed one after the other, in the order of
  /// their positions, every one of them must read what it read.
  @Test(arguments: 1...3 as ClosedRange<UInt64>, [nil, 4096]) func historiesAreSerial(
    seed: UInt64, memtableBytes: Int?
  ) throws {
    var options = EngineOptions()
    options.memtableBytes = memtableBytes
    options.segmentBytes = memtableBytes ?? options.segmentBytes
    let engine = try Engine.open(
      at: "/store", options: options, environment: .threaded(SimulatedFileSystem()))
    let history = Shared<Committed>()
    let failures = Shared<String>()
    onThreads(4) { thread in
      var random = SeededGenerator(seed: seed &* 31 &+ UInt64(thread))
      for _ in 0..<80 {
        let operations = (0..<1 + random.below(6)).map { _ in ModelOperation.random(&random, writesOneIn: 3) }
        do {
          let result = try engine.transact(random.isHit(oneIn: 2) ? .buffered : .durable) { tx in
            try operations.map { ($0, try $0.run(tx)) }
          }
          history.add(Committed(position: result.position, steps: result.value))
        } catch { failures.add("\(error)") }
      }
    }
    #expect(failures.all == [])
    var model = OrderedModel()
    var states = [model]
    let writers = history.all.filter { $0.position != nil }.sorted {
      ($0.position?.rawValue ?? 0) < ($1.position?.rawValue ?? 0)
    }
    for committed in writers {
      if let step = Self.mismatch(committed, &model) {
        Issue.record("seed \(seed): the transaction at \(committed.position as Any) misread at \(step)")
        return
      }
      states.append(model)
    }
    #expect(try engine.all() == model.entries)
    // One that only reads sees the state between two of them.
    for reader in history.all where reader.position == nil {
      let fits = states.contains { state in
        var copy = state
        return Self.mismatch(reader, &copy) == nil
      }
      #expect(fits, "seed \(seed): a reader saw what never was")
    }
    #expect(writers.count > 100)
  }

  private static func mismatch(_ committed: Committed, _ model: inout OrderedModel) -> String? {
    for step in committed.steps where step.operation.run(&model) != step.found { return "\(step.operation)" }
    return nil
  }

  @Test func theTotalOfABankIsTheSameAlways() throws {
    let engine = try Engine.open(at: "/store", environment: .threaded(SimulatedFileSystem()))
    let accounts = 5
    try engine.write { batch in for account in 0..<accounts { try batch.set([UInt8(account)], to: [100]) } }
    let failures = Shared<String>()
    onThreads(5) { thread in
      var random = SeededGenerator(seed: UInt64(thread))
      for _ in 0..<80 {
        do {
          if thread == 4 {
            let total = try engine.all().reduce(0) { $0 + Int($1.value[0]) }
            if total != 100 * accounts { failures.add("a total of \(total)") }
            continue
          }
          let (from, to) = (UInt8(random.below(accounts)), UInt8(random.below(accounts)))
          try engine.transact { tx in
            guard from != to, let source = try tx.get([from])?.first, let target = try tx.get([to])?.first,
              source > 0, target < 255
            else { return }
            try tx.set([from], to: [source - 1])
            try tx.set([to], to: [target + 1])
          }
        } catch { failures.add("\(error)") }
      }
    }
    #expect(failures.all == [])
    #expect(try engine.all().reduce(0) { $0 + Int($1.value[0]) } == 500)
  }

  /// Each checks that somebody else is on duty, then leaves: alone, both are right.
  @Test func writeSkewIsRefused() async throws {
    let engine = try await Engine.open(at: "/store", environment: .threaded(SimulatedFileSystem()))
    for round in 0..<40 {
      try await engine.write { batch in
        for doctor in 0..<4 as Range<UInt8> { try batch.set([doctor], to: []) }
      }
      await withTaskGroup(of: Void.self) { group in
        for doctor in 0..<4 as Range<UInt8> {
          group.addTask {
            do {
              try await engine.transact { tx in
                if try tx.entries(in: .all).count > 1 { try tx.remove([doctor]) }
              }
            } catch { Issue.record(error) }
          }
        }
      }
      #expect(try engine.all().count == 1, "round \(round)")
    }
    try await engine.close()
  }
}
