import Cairn
import CairnTesting
import Testing

/// Random transactions over timelines and journals do what plain arrays do.
@Suite struct WorkflowModelTests {
  private struct Refusal: Error {}

  /// One transaction after another, some of which throw at their end; every outcome is compared.
  @Test(arguments: StoreFactory.all, 1...UInt64(20))
  func oneAfterTheOther(_ factory: StoreFactory, seed: UInt64) async throws {
    var random = SeededGenerator(seed: seed)
    let store = try await factory.open()
    var model = WorkflowModel()
    for number in 0..<60 {
      let operations = Self.operations(&random)
      let isRefused = Int.random(in: 0..<5, using: &random) == 0
      do {
        let committed = try await store.commit { transaction throws in
          let outcomes = try operations.map { try perform($0, transaction) }
          if isRefused { throw Refusal() }
          return outcomes
        }
        let expected = model.commit(operations, at: committed.position)
        try #require(committed.value == expected, "seed \(seed), transaction \(number): \(operations)")
      } catch is Refusal {
        // Nothing happened, and the model is as it was.
      }
    }
  }

  /// Several tasks at once. In the order of their positions, the transactions must have given what they give
  /// when they run one after the other: that is what serializable means.
  @Test(arguments: StoreFactory.all, 1...UInt64(10))
  func atTheSameTime(_ factory: StoreFactory, seed: UInt64) async throws {
    struct Done: Sendable {
      let position: CommitPosition
      let operations: [WorkflowOperation]
      let outcomes: [WorkflowOutcome]
    }
    let store = try await factory.open()
    let done = try await withThrowingTaskGroup(of: [Done].self) { group in
      for task in 0..<6 {
        group.addTask {
          var random = SeededGenerator(seed: seed &* 1_000 &+ UInt64(task))
          var done: [Done] = []
          for _ in 0..<25 {
            let operations = Self.operations(&random)
            let committed = try await store.commit { transaction throws in
              try operations.map { try perform($0, transaction) }
            }
            // What wrote nothing has no place among the others; it read a snapshot, as other tests check.
            guard let position = committed.position else { continue }
            done.append(Done(position: position, operations: operations, outcomes: committed.value))
          }
          return done
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    var model = WorkflowModel()
    for transaction in done.sorted(by: { $0.position < $1.position }) {
      let expected = model.commit(transaction.operations, at: transaction.position)
      try #require(
        transaction.outcomes == expected,
        "seed \(seed), at position \(transaction.position.rawValue): \(transaction.operations)")
    }
  }

  private static func operations(_ random: inout SeededGenerator) -> [WorkflowOperation] {
    (0..<Int.random(in: 1...5, using: &random)).map { _ in .random(&random) }
  }
}
