import Cairn
import CairnTesting
import Testing

/// A way to make an empty key-value store. Every test of the layer runs on each of them.
struct StoreFactory: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let make: @Sendable () async throws -> any KeyValueStore

  static let all: [StoreFactory] = [
    StoreFactory(testDescription: "in memory") { InMemoryStore() }
  ]

  /// An empty store, at a time that does not move.
  func open(time: any TimeSource = ManualTime(wallMicroseconds: 1_000)) async throws -> Store {
    try await Store(over: make(), time: time)
  }
}
