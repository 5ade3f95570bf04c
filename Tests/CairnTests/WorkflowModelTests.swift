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

/// Does an operation on the store, and says what came of it in the model's terms.
private func perform(
  _ operation: WorkflowOperation, _ transaction: borrowing Transaction
) throws -> WorkflowOutcome {
  func event(_ event: Recorded<Int>) -> WorkflowOutcome.Event {
    .init(
      journal: event.journal, version: event.version, position: event.position.rawValue, number: event.event)
  }
  do {
    switch operation {
    case .save(let state, let name, let parent):
      let parent = parent.map(CheckpointID.init(rawValue:))
      return .saved(try transaction.save(state, to: Timeline(name), after: parent).rawValue)
    case .load(let name, let id):
      let line = Timeline<Int>(name)
      let checkpoint =
        if let id { try transaction.load(line, at: CheckpointID(rawValue: id)) } else {
          try transaction.load(line)
        }
      return .checkpoints(
        checkpoint.map {
          [.init(id: $0.id.rawValue, parent: $0.parent?.rawValue, step: $0.step, state: $0.state)]
        } ?? [])
    case .history(let name, let before, let limit):
      let history = try transaction.history(
        of: Timeline<Int>(name), before: before.map(CheckpointID.init(rawValue:)), limit: limit)
      return .checkpoints(
        history.map { .init(id: $0.id.rawValue, parent: $0.parent?.rawValue, step: $0.step, state: nil) })
    case .append(let numbers, let name, let expected, let key):
      let appended = try transaction.append(
        contentsOf: numbers, to: Journal(name), expecting: expected, once: key)
      return .appended(appended.versions, isRepeat: appended.isRepeat)
    case .version(let name):
      return .version(try transaction.version(of: Journal<Int>(name)))
    case .events(let name, let place, let direction, let limit):
      let events = try transaction.events(in: Journal<Int>(name), from: place, direction, limit: limit)
      return .events(events.map(event))
    case .allEvents(let place, let direction, let limit):
      let events = try transaction.events(from: place, direction, limit: limit)
      return .events(try events.map { event(try $0.decoded()) })
    }
  } catch StoreError.conflict(_, _, let actual) {
    return .conflict(actual: actual)
  } catch StoreError.notFound {
    return .parentNotFound
  }
}
