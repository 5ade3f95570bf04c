import Cairn
import CairnEngine
import CairnKV
import CairnTesting
import CrashKit

/// Transactions on timelines and journals, as the explorations see them. A new one is a name and a list of transactions;
/// what the store must hold is for the model to say.
struct LayerWorkload: CrashWorkload {
  let name: String
  /// Each step is one durable transaction.
  let transactions: [[WorkflowOperation]]

  private static let path = "/store"
  private static let names = ["a", "b", "a\u{0}"]

  var stepCount: Int { transactions.count }

  func run(_ steps: [Int], on disk: SimulatedFileSystem, _ account: CrashAccount) async throws {
    let chosen = steps.map { transactions[$0] }
    try await SerialTaskExecutor.run(seed: 1) { () async throws -> Void in
      let store = try await Self.open(disk, seed: 1)
      var model = WorkflowModel()
      for operations in chosen {
        account.begin()
        let outcomes = try await Self.outcomes(of: operations, on: store)
        let expected = model.commit(operations, at: nil).map(Self.withoutPosition)
        if outcomes != expected { account.complain("\(operations) gives \(outcomes), not \(expected)") }
        account.acknowledge(isDurable: true)
      }
      try await store.close()
    }
  }

  func recover(_ disk: SimulatedFileSystem) async throws {
    try await SerialTaskExecutor.run(seed: 2) {
      let store = try await Self.open(disk, seed: disk.fingerprint)
      withExtendedLifetime(store) {}
    }
  }

  func judge(_ disk: SimulatedFileSystem, _ steps: [Int], _ bounds: CrashBounds) async -> CrashVerdict {
    let chosen = steps.map { transactions[$0] }
    do {
      return try await SerialTaskExecutor.run(seed: 3) { () async throws -> CrashVerdict in
        let store = try await Self.open(disk, seed: ~disk.fingerprint)
        guard let prefix = try await Self.prefix(of: store, chosen, bounds) else {
          let difference = try await Self.difference(store, Self.model(of: chosen[..<bounds.upper]))
          return CrashVerdict(
            ["holds no \(bounds.lower) to \(bounds.upper) transactions: \(difference ?? "")"], prefix: nil)
        }
        // It goes on, and keeps that.
        var model = Self.model(of: chosen[..<prefix])
        let next: [WorkflowOperation] = [
          .save(-1, to: "a", after: nil), .append([-1, -2], to: "b", expecting: .any, once: "after"),
        ]
        _ = try await Self.outcomes(of: next, on: store)
        _ = model.commit(next, at: nil)
        var complaints = [try await Self.difference(store, model).map { "writing after recovery: \($0)" }]
        try await store.close()
        let again = try await Self.open(disk, seed: disk.fingerprint)
        complaints.append(try await Self.difference(again, model).map { "reopening after recovery: \($0)" })
        try await again.close()
        return CrashVerdict(complaints.compactMap { $0 }, prefix: prefix)
      }
    } catch {
      return CrashVerdict(["\(error)"], prefix: nil, refusal: storageError(error))
    }
  }

  func storageError(_ error: any Error) -> StorageError? {
    if case .storage(let error)? = error as? StoreError { return error }
    // What the layer finds damaged names a key, where the engine names a file.
    if case .damagedRecord(_, let reason)? = error as? StoreError {
      return StorageError(.corruption, reason, file: Self.path)
    }
    return error as? StorageError
  }

  private static func open(_ disk: SimulatedFileSystem, seed: UInt64) async throws -> Store {
    var options = EngineOptions()
    options.memoryLimit = 8 << 20
    options.memtableBytes = 16 << 10
    options.segmentBytes = 8 << 10
    return try await Store.open(path, options: options, environment: .simulated(disk, seed: seed))
  }

  private static func model(of transactions: some Sequence<[WorkflowOperation]>) -> WorkflowModel {
    var model = WorkflowModel()
    for operations in transactions { _ = model.commit(operations, at: nil) }
    return model
  }

  /// The most transactions after which the store can be as it is.
  private static func prefix(
    of store: Store, _ transactions: [[WorkflowOperation]], _ bounds: CrashBounds
  ) async throws -> Int? {
    for count in stride(from: bounds.upper, through: bounds.lower, by: -1)
    where try await holds(store, model(of: transactions[..<count])) {
      return count
    }
    return nil
  }

  /// What all reading operations together see otherwise than the model: heads and every checkpoint with its parent and
  /// step, histories, versions without a gap, events in the order of commits, in both directions.
  private static func difference(_ store: Store, _ model: WorkflowModel) async throws -> String? {
    let found = try await outcomes(of: reads, on: store)
    var model = model
    let expected = model.commit(reads, at: nil).map(withoutPosition)
    // To say it takes longer than to see it.
    if found == expected { return nil }
    guard let place = zip(found, expected).enumerated().first(where: { $0.element.0 != $0.element.1 }) else {
      return "\(found.count) outcomes of \(expected.count)"
    }
    return "\(reads[place.offset]) gives \(place.element.0), not \(place.element.1)"
  }

  /// Whether the store is as the model has it.
  private static func holds(_ store: Store, _ model: WorkflowModel) async throws -> Bool {
    var model = model
    return try await outcomes(of: reads, on: store) == model.commit(reads, at: nil).map(withoutPosition)
  }

  private static let reads: [WorkflowOperation] = {
    var reads: [WorkflowOperation] = [
      .allEvents(from: nil, .ascending, limit: nil), .allEvents(from: nil, .descending, limit: nil),
    ]
    for name in names {
      reads += [
        .load(name, at: nil), .load(name, at: 1), .load(name, at: 3), .history(name, before: nil, limit: nil),
        .version(name), .events(name, from: nil, .ascending, limit: nil),
        .events(name, from: .version(2), .descending, limit: 3),
      ]
    }
    return reads
  }()

  private static func outcomes(
    of operations: [WorkflowOperation], on store: Store
  ) async throws -> [WorkflowOutcome] {
    try await store.write { transaction throws in
      try operations.map { withoutPosition(try perform($0, transaction)) }
    }
  }

  /// The model does not know at which position the engine commits what.
  private static func withoutPosition(_ outcome: WorkflowOutcome) -> WorkflowOutcome {
    guard case .events(let events) = outcome else { return outcome }
    return .events(
      events.map { event in
        var event = event
        event.position = 0
        return event
      })
  }
}
