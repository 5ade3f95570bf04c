import BenchmarkKit

/// One row, or several that are measured together, on a fresh store.
struct WorkflowRow {
  /// What is recorded, in the order of the table.
  let rows: [Row]
  /// Measures them once.
  let measure: (any WorkflowStore, WorkflowSizes, inout Measured) async throws -> Void
}

/// How much of everything.
struct WorkflowSizes {
  var rounds = 7
  var seconds = 1.0
  var growingSteps = 400
  var streamEvents = 20_000

  /// Does everything run?
  static let quick = WorkflowSizes(rounds: 1, seconds: 0.15, growingSteps: 60, streamEvents: 2000)
}

/// What one store did in one round.
struct Measured {
  var values: [Row.ID: Double] = [:]
  var notes: [Row.ID: [String: Double]] = [:]
}

extension WorkflowRow {
  private static let section = "Workflows"

  /// All of them. Each gets a store of its own.
  static var all: [WorkflowRow] { [steps, growing, consuming(1), consuming(100)] }

  /// A checkpoint and an event in one durable transaction, over a hundred runs in turn; then the latest state of each.
  private static var steps: WorkflowRow {
    let step = Row(
      "workflow-step", section: section, name: "durable step: a state of 4 KiB and an event", unit: "/s",
      note:
        "One caller. The limit is the same bytes, in two pages, written into a pre-written file and synced.",
      isMain: true)
    let load = Row(
      "workflow-load", section: section, name: "load the latest state", unit: "/s",
      note: "From memory, right after the steps, decoded. Redis and PostgreSQL answer over their socket.")
    return WorkflowRow(rows: [step, load]) { store, sizes, measured in
      var words = Words()
      let runs = (0..<100).map { "run-\($0)" }
      let states = (0..<runs.count).map { AgentState.ordinary($0, &words) }
      let event = AgentEvent(0, &words)
      var saved = 0
      var times: [Double] = []
      measured.values[step.id] = try await rate(sizes.seconds) {
        let start = ContinuousClock.now
        try await store.step(runs[saved % runs.count], states[saved % runs.count], event)
        times.append((ContinuousClock.now - start) / .milliseconds(1))
        saved += 1
      }
      measured.notes[step.id] = ["p99, ms": Statistics.percentile(times, 0.99) ?? 0]
      var loaded = 0
      measured.values[load.id] = try await rate(sizes.seconds / 2) {
        let index = loaded * 7919 % min(saved, runs.count)
        guard try await store.load(runs[index]) == states[index] else { throw WrongResult() }
        loaded += 1
      }
    }
  }

  /// A state that grows by 1 KiB a step, saved whole each time.
  private static var growing: WorkflowRow {
    let time = Row(
      "workflow-growing", section: section, name: "400 steps, state grows by 1 KiB each: time", unit: "ms",
      greaterIsBetter: false, isMain: true)
    let disk = Row(
      "workflow-growing-disk", section: section, name: "… disk for its 400 checkpoints", unit: "MiB",
      greaterIsBetter: false,
      note:
        "Every checkpoint stays. Cairn: closed, logs and spares included. SQLite: after a checkpoint. PostgreSQL: its "
        + "tables without its log; it compresses. Redis: its append-only file; all of it is in memory as well."
    )
    return WorkflowRow(rows: [time, disk]) { store, sizes, measured in
      var words = Words()
      var state = AgentState.ordinary(0, &words)
      let event = AgentEvent(0, &words)
      let pieces = (0..<sizes.growingSteps).map { _ in words.text(1024) }
      let start = ContinuousClock.now
      for (index, piece) in pieces.enumerated() {
        state.step = index
        state.notes.append(piece)
        try await store.step("growing", state, event)
      }
      measured.values[time.id] = (ContinuousClock.now - start) / .milliseconds(1)
      guard try await store.load("growing") == state else { throw WrongResult() }
      measured.values[disk.id] = Double(try await store.settledBytes()) / 1_048_576
    }
  }

  /// A stream read in order, the consumer's place moving in the same durable transaction.
  private static func consuming(_ batch: Int) -> WorkflowRow {
    let row = Row(
      "workflow-consume-\(batch)", section: section,
      name: batch == 1 ? "consume events, one a commit" : "consume events, \(batch) a commit",
      unit: "events/s",
      note: batch == 1
        ? "Cairn keeps the consumer's place in a timeline, hence every earlier one as well; the others overwrite it."
        : nil, isMain: batch == 1)
    return WorkflowRow(rows: [row]) { store, sizes, measured in
      var words = Words()
      let events = (0..<sizes.streamEvents).map { AgentEvent($0, &words) }
      for start in stride(from: 0, to: events.count, by: 1000) {
        try await store.append(Array(events[start..<min(start + 1000, events.count)]), to: "stream")
      }
      var seen = 0
      let start = ContinuousClock.now
      let end = start + .seconds(sizes.seconds)
      while ContinuousClock.now < end, seen < events.count {
        let found = try await store.consume("stream", as: "consumer", limit: batch)
        guard !found.isEmpty, found == Array(events[seen..<min(seen + batch, events.count)]) else {
          throw WrongResult()
        }
        seen += found.count
      }
      measured.values[row.id] = Double(seen) / ((ContinuousClock.now - start) / .seconds(1))
    }
  }

  /// How often `body` is done a second, for so many seconds.
  private static func rate(_ seconds: Double, _ body: () async throws -> Void) async throws -> Double {
    let start = ContinuousClock.now
    let end = start + .seconds(seconds)
    var count = 0
    while ContinuousClock.now < end {
      try await body()
      count += 1
    }
    return Double(count) / ((ContinuousClock.now - start) / .seconds(1))
  }

  /// A store gave back something else than it had been given.
  struct WrongResult: Error {}
}
