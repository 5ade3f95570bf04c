// The example of observation in README.md is what stands between the markers below: it is compiled and run here, and a
// test of the project compares the two.

import CairnEngine
import CairnLogging
import CairnMetrics
import CairnTesting
import Logging
import Testing

@Suite struct ReadmeExample {
  @Test func theExampleRuns() async throws {
    let engine = try await Engine.open(
      at: "/store", environment: .simulated(SimulatedFileSystem(), seed: 1))
    try await Self.run(engine) { engine in
      try await engine.write { try $0.set([1], to: [2]) }
      try await engine.close()
    }
    #expect(engine.statistics().commits == 1)
  }

  static func run(_ engine: Engine, serve: (Engine) async throws -> Void) async throws {
    // readme:begin
    let events = EventLogger(engine.events, logger: Logger(label: "jobs"))
    let metrics = EngineMetrics(engine, dimensions: [("store", "jobs")])
    try await withThrowingTaskGroup { group in
      group.addTask { await events.run() }  // until the store is closed
      group.addTask { try await metrics.run(every: .seconds(10), clock: .continuous) }
      try await serve(engine)
      group.cancelAll()  // the metrics are published a last time
    }
    // readme:end
  }
}
