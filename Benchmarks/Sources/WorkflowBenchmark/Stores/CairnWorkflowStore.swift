import BenchmarkKit
import Cairn

/// Cairn's workflow layer as its README shows it.
struct CairnKind: WorkflowStoreKind {
  let subject = Subject(
    "Cairn", .ours,
    configuration: "defaults (256 MiB of memory), durable commits, async calls; states and events in CBOR")

  func open(in folder: ScratchFolder) async throws -> any WorkflowStore {
    CairnWorkflowStore(try await Store.open(folder.path + "/store"), folder)
  }
}

final class CairnWorkflowStore: WorkflowStore {
  private let store: Store
  private let folder: ScratchFolder

  init(_ store: Store, _ folder: ScratchFolder) {
    self.store = store
    self.folder = folder
  }

  func step(_ run: String, _ state: AgentState, _ event: AgentEvent) async throws {
    try await store.write { transaction in
      try transaction.append(event, to: Journal<AgentEvent>(run))
      try transaction.save(state, to: Timeline<AgentState>(run))
    }
  }

  func load(_ run: String) async throws -> AgentState? {
    try await store.read { try $0.load(Timeline<AgentState>(run))?.state }
  }

  func append(_ events: [AgentEvent], to stream: String) async throws {
    try await store.write { try $0.append(contentsOf: events, to: Journal<AgentEvent>(stream)) }
  }

  func consume(_ stream: String, as consumer: String, limit: Int) async throws -> [AgentEvent] {
    let place = Timeline<UInt64>(consumer)
    return try await store.write { transaction in
      let next = try transaction.load(place)?.state ?? 1
      let events = try transaction.events(in: Journal<AgentEvent>(stream), from: .version(next), limit: limit)
      guard let last = events.last else { return [] }
      try transaction.save(last.version + 1, to: place)
      return events.map(\.event)
    }
  }

  /// Closing flushes nothing, but nothing is left to be done in the background either.
  func settledBytes() async throws -> Int {
    try await store.close()
    return try folder.bytesOnDisk()
  }

  func close() async throws {
    try await store.close()
    try folder.remove()
  }
}
