import Cairn
import CairnTesting

extension LayerWorkload {
  /// Saves and appends in one transaction, so many that there are flushes among them.
  static func mixedWorkflow(seed: UInt64) -> LayerWorkload {
    var random = SeededGenerator(seed: seed)
    let transactions = (0..<24).map { number -> [WorkflowOperation] in
      (0..<Int.random(in: 1...3, using: &random)).map { _ in WorkflowOperation.random(&random) }
        .filter { !$0.dependsOnPositions }
        + [
          .append(Array(repeating: number, count: 40), to: "b", expecting: .any, once: nil),
          .save(number, to: "a", after: nil),
        ]
    }
    return LayerWorkload(name: "mixed-workflow-\(seed)", transactions: transactions)
  }
}

extension WorkflowOperation {
  /// Whether what it gives depends on the positions that the engine gives to commits.
  fileprivate var dependsOnPositions: Bool {
    switch self {
    case .events(_, from: .position?, _, _), .allEvents(from: _?, _, _): true
    default: false
    }
  }
}
