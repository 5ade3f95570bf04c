import Cairn
import CairnEngine
import CairnTesting
import Testing

/// A way to make an empty key-value store. Every test of the layer runs on each of them.
struct StoreFactory: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let make: @Sendable () async throws -> any KeyValueStore

  static let all: [StoreFactory] = [
    StoreFactory(testDescription: "in memory") { InMemoryStore() },
    StoreFactory(testDescription: "engine, one thread") { try await engine(scheduler: InlineScheduler()) },
    StoreFactory(testDescription: "engine, threads") { try await engine(scheduler: ThreadScheduler()) },
  ]

  /// On a simulated disk, with so little memory that flushes and compactions happen all the time.
  private static func engine(scheduler: any BackgroundScheduler) async throws -> Engine {
    var environment = Environment.simulated(SimulatedFileSystem(), seed: 1)
    environment.scheduler = scheduler
    var options = EngineOptions()
    options.memtableBytes = 16 << 10
    options.segmentBytes = 16 << 10
    return try await Engine.open(at: "/store", options: options, environment: environment)
  }

  /// An empty store, at a time that does not move.
  func open(time: any TimeSource = SimulatedTime(wallMicroseconds: 1_000)) async throws -> Store {
    try await Store(over: make(), time: time)
  }
}
