import BenchmarkKit

/// What keeps a workflow's state: the same job for every store.
///
/// States and events are encoded and decoded by the same coder for all of them, Cairn's; only Cairn calls it itself.
/// Every call that changes something is one transaction, durable when it returns.
protocol WorkflowStore: AnyObject {
  /// Keeps a state as the next checkpoint of a run, and an event as the next of its stream. Earlier checkpoints stay.
  func step(_ run: String, _ state: AgentState, _ event: AgentEvent) async throws

  /// The latest checkpoint of a run.
  func load(_ run: String) async throws -> AgentState?

  /// Puts events behind a stream, together.
  func append(_ events: [AgentEvent], to stream: String) async throws

  /// Reads at most `limit` events of a stream behind a consumer's place, and moves that place behind them, in one
  /// transaction.
  /// - Returns: the events.
  func consume(_ stream: String, as consumer: String, limit: Int) async throws -> [AgentEvent]

  /// Puts work in the background to its end, and says how many bytes the store's data takes on the disk then.
  func settledBytes() async throws -> Int

  /// Lets go of the store, and removes what it kept.
  func close() async throws
}

/// Makes stores of one kind.
protocol WorkflowStoreKind {
  var subject: Subject { get }
  /// A fresh, empty store.
  func open(in folder: ScratchFolder) async throws -> any WorkflowStore
}

/// Something that a store or its server said no to.
struct WorkflowFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
