// Workloads for the tests of the simulation: a right one, and one for each mistake that it is to find.

import Cairn
import CairnEngine
import CairnKV
import CairnTesting

/// An agent that does three things, and for each appends an event, saves a checkpoint, has an effect and tells of it.
enum Agents {
  typealias Step = @Sendable (SimulatedWorld, Store, Int) async throws -> Void

  static let audit = Journal<String>("audit")
  static let progress = Timeline<Int>("progress")

  /// The agent that does each thing by `step`, and goes on behind the last checkpoint.
  static func run(_ step: @escaping Step) -> @Sendable (SimulatedWorld) async throws -> Void {
    { world in
      let store = try await world.open()
      let done = try await store.read { try $0.load(progress)?.state } ?? 0
      for next in (done + 1)..<4 { try await step(world, store, next) }
      try await store.close()
    }
  }

  /// The right one: the effect has a key and comes first, event and checkpoint are one commit, and then it is told.
  static let right = run { world, store, next in
    try world.effect("charge \(next)")
    try await store.write { transaction in
      try transaction.append("did \(next)", to: audit, once: "\(next)")
      try transaction.save(next, to: progress)
    }
    try world.note("\(next)")
  }

  /// The event and the checkpoint in two commits, and nothing that keeps the event from being appended again.
  static let twoCommits = run { world, store, next in
    try world.effect("charge \(next)")
    try await store.write { _ = try $0.append("did \(next)", to: audit) }
    try await store.write { _ = try $0.save(next, to: progress) }
    try world.note("\(next)")
  }

  /// Tells before it is true.
  static let tellsTooEarly = run { world, store, next in
    try world.effect("charge \(next)")
    try world.note("\(next)")
    try await store.write { transaction in
      try transaction.append("did \(next)", to: audit, once: "\(next)")
      try transaction.save(next, to: progress)
    }
  }

  /// Saves that it is done, and does it then.
  static let actsTooLate = run { world, store, next in
    try await store.write { transaction in
      try transaction.append("did \(next)", to: audit, once: "\(next)")
      try transaction.save(next, to: progress)
    }
    try world.effect("charge \(next)")
    try world.note("\(next)")
  }

  /// Tells of commits that a power cut may lose.
  static let isBuffered = run { world, store, next in
    try world.effect("charge \(next)")
    try await store.write(durability: .buffered) { transaction in
      try transaction.append("did \(next)", to: audit, once: "\(next)")
      try transaction.save(next, to: progress)
    }
    try world.note("\(next)")
  }

  /// Takes a failed commit for one that has happened.
  static let ignoresErrors = run { world, store, next in
    try world.effect("charge \(next)")
    do {
      try await store.write { transaction in
        try transaction.append("did \(next)", to: audit, once: "\(next)")
        try transaction.save(next, to: progress)
      }
    } catch {
      // Goes on as if nothing had happened.
    }
    try world.note("\(next)")
  }

  /// Right, until it is interrupted while it puts an interrupted step right: it forgets first that there is one.
  static let recoversBadly: @Sendable (SimulatedWorld) async throws -> Void = { world in
    let store = try await world.open()
    let mark = Timeline<Bool>("mark")
    let isInterrupted = try await store.read { try $0.load(mark)?.state }
    if isInterrupted == nil { try await store.write { _ = try $0.save(true, to: mark) } }
    if isInterrupted == true { try await store.write { _ = try $0.save(false, to: mark) } }
    if isInterrupted == false { return }
    for next in 1...3 {
      try world.effect("charge \(next)")
      try await store.write { _ = try $0.append("did \(next)", to: audit, once: "\(next)") }
    }
    try await store.write { _ = try $0.save(false, to: mark) }
  }

  /// What must hold of each of them.
  static let check: @Sendable (SimulatedWorld, SimulationFacts) async throws -> Void = { world, facts in
    let events = try await world.open().read { try $0.events(in: audit).map(\.event) }
    try world.expect(events == ["did 1", "did 2", "did 3"], "the journal says \(events)")
    for step in 1...3 { try world.expect(facts.count(of: "charge \(step)") > 0, "\(step) was not charged") }
  }

  /// That, and: what was told was so at the end of the life that told it, so that nobody is told twice.
  static let strictCheck: @Sendable (SimulatedWorld, SimulationFacts) async throws -> Void = { world, facts in
    try await check(world, facts)
    let told = facts.notes
    try world.expect(told == Set(told).sorted(), "told \(told)")
  }
}

/// An agent that keeps one file, and replaces it as is often advised: write another one, and rename it. No engine is in it,
/// so that its operations never change.
enum FileAgent {
  static func run(synchronizing: Bool) -> @Sendable (SimulatedWorld) async throws -> Void {
    { world in
      let disk = world.fileSystem
      var saved = try text(on: world)
      while saved.count < 3 {
        saved += "x"
        if try disk.information(at: "/new") != nil { try disk.remove("/new") }
        let file = try disk.openFile("/new", .create)
        try Array(saved.utf8).withUnsafeBytes { try file.write($0, at: 0) }
        if synchronizing { try file.synchronize() }
        try file.close()
        try disk.rename("/new", to: "/state")
        if synchronizing { try disk.synchronizeDirectory("/") }
        try world.note(saved)
      }
    }
  }

  /// What is told is in the file, whatever happened: here only that no lives are told of less than those before.
  static let check: @Sendable (SimulatedWorld, SimulationFacts) async throws -> Void = { world, facts in
    let saved = try text(on: world)
    try world.expect(saved == "xxx", "the file says \(saved.debugDescription)")
    try world.expect(facts.notes == facts.notes.sorted(), "told \(facts.notes)")
    try world.expect(facts.notes.count == Set(facts.notes).count, "told \(facts.notes)")
  }

  private static func text(on world: SimulatedWorld) throws -> String {
    let disk = world.fileSystem
    guard try disk.information(at: "/state") != nil else { return "" }
    let file = try disk.openFile("/state", .read)
    let count = Int(try file.size())
    var bytes = [UInt8](repeating: 0, count: count)
    _ = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
