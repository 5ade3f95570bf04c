import CairnEngine
import CairnKV
import Foundation
import Synchronization

/// Checkpoints of a number of runs, each superseding the one before in its run.
struct CheckpointSoak {
  /// How a checkpoint supersedes the one before.
  enum Superseding: String, CaseIterable {
    /// The same key is overwritten.
    case overwrite
    /// It has a key of its own, and those before are removed by their range in the same commit, as a timeline
    /// does that keeps only its latest.
    case removal
  }

  let seed: UInt64
  let count: Int
  let runs: Int
  let writers: Int
  let superseding: Superseding
  let memoryLimit: Int
  let quietSeconds: Int

  /// From 4 KiB to 1 MiB, each octave as often as any other.
  static func length(_ seed: UInt64, _ run: Int, _ id: UInt64) -> Int {
    let draw = SoakValue.mix(seed ^ SoakValue.mix(UInt64(run) << 32 ^ id))
    let octave = UInt64(4096) << (draw % 8)
    return Int(octave + SoakValue.mix(draw) % octave)
  }

  static func key(_ run: Int, _ id: UInt64) -> [UInt8] {
    Tuple("checkpoint", .integer(Int64(run)), .unsigned(id)).encoded()
  }

  private func value(_ run: Int, _ id: UInt64) -> [UInt8] {
    SoakValue(seed: seed, slot: run, stamp: id, length: Self.length(seed, run, id)).bytes
  }

  func run(in folder: SoakFolder, _ console: Console) throws -> SoakReport {
    var options = EngineOptions()
    options.memoryLimit = memoryLimit
    let store = folder.path + "/store"
    let deviceBefore = DeviceCounter.writtenBytes(below: folder.path)
    let usedBefore = SupervisedProcess.Usage.ofThisProcess()
    let engine: Engine = try Engine.open(at: store, options: options)
    let start = DispatchTime.now().uptimeNanoseconds
    let written = try write(to: engine, console)
    let nanoseconds = max(1, DispatchTime.now().uptimeNanoseconds &- start)
    let curve = DiskCurve.watch(store, seconds: quietSeconds) { _ in false }
    // Before the check, which writes nothing, but might change what the device has in hand.
    let deviceAfter = DeviceCounter.writtenBytes(below: folder.path)
    let used = SupervisedProcess.Usage.ofThisProcess()
    let wrong = try check(engine, written.latest)
    try engine.close()

    var report = SoakReport()
    let live = written.liveBytes
    report.tell("checkpoints", "\(Figure.count(UInt64(count))) in \(counted(runs, "run"))")
    report.tell("bytes given to commits", Figure.bytes(written.bytes))
    report.tell(
      "a second",
      Figure.bytes(UInt64(Double(written.bytes) * 1e9 / Double(nanoseconds))) + ", "
        + Figure.decimal(Double(count) * 1e9 / Double(nanoseconds), 0) + " checkpoints")
    report.require("wrong latest checkpoints", "\(wrong)", "0", wrong == 0)
    report.tell("live data", Figure.bytes(live))
    report.tell("disk before it was left alone", Figure.bytes(curve.first?.usage.bytes ?? 0))
    if let last = curve.last?.usage {
      report.tell("of it logs, afterwards", Figure.bytes(last.logBytes))
      report.require(
        "disk after \(quietSeconds) quiet seconds",
        Figure.bytes(last.bytes) + ", " + Figure.decimal(Double(last.bytes) / Double(max(live, 1)), 2)
          + " x live",
        "<= 2 x live: " + Figure.bytes(2 * live), last.bytes <= 2 * live)
    }
    // The device counts for everybody, so it has the word only where the process's own count has none.
    if let before = deviceBefore, let after = deviceAfter {
      report.tell("device's counter before and after", "\(Figure.bytes(before)), \(Figure.bytes(after))")
      report.tell("written by the device", Self.ratio(after >= before ? after - before : 0, written.bytes))
    }
    if let before = usedBefore.writtenBytes, let after = used.writtenBytes {
      let bytes = after >= before ? after - before : 0
      report.require(
        "given to the system", Self.ratio(bytes, written.bytes), "<= 2.2 x",
        Double(bytes) <= 2.2 * Double(written.bytes))
    }
    report.tell("peak resident memory", Figure.bytes(used.peakResidentBytes))
    return report
  }

  private static func ratio(_ bytes: UInt64, _ base: UInt64) -> String {
    Figure.decimal(Double(bytes) / Double(max(base, 1)), 2) + " x, " + Figure.bytes(bytes)
  }

  private struct Written {
    var bytes: UInt64
    var liveBytes: UInt64
    /// Each run's latest checkpoint; 0 where there is none.
    var latest: [UInt64]
  }

  private func write(
    to engine: Engine, _ console: Console
  ) throws -> Written {
    let tallies = (0..<writers).map { _ in CheckpointTally(runs: runs) }
    let work = tallies.enumerated().map { writer, tally in
      { @Sendable (_: SessionControl) throws in
        try self.write(to: engine, writer: writer, tally)
      }
    }
    try SessionControl.run(work) {
      guard console.isTerminal else { return }
      console.progress(done: tallies.reduce(0) { $0 + $1.commits }, of: count, name: "checkpoints")
    }
    if console.isTerminal { console.clearProgress() }
    var latest = [UInt64](repeating: 0, count: runs)
    for tally in tallies {
      for (run, id) in tally.latest.enumerated() { latest[run] = max(latest[run], id) }
    }
    var live: UInt64 = 0
    for (run, id) in latest.enumerated() where id > 0 {
      live += UInt64(Self.key(run, keyNumber(id)).count + Self.length(seed, run, id))
    }
    return Written(bytes: tallies.reduce(0) { $0 + $1.bytes }, liveBytes: live, latest: latest)
  }

  private func keyNumber(_ id: UInt64) -> UInt64 { superseding == .overwrite ? 0 : id }

  /// One writer's share: the runs whose numbers it has, in random order.
  private func write(to engine: Engine, writer: Int, _ tally: CheckpointTally) throws {
    let own = Array(stride(from: writer, to: runs, by: writers))
    if own.isEmpty { return }
    var random = SeededGenerator(seed: SoakValue.mix(seed ^ UInt64(writer)))
    let share = count / writers + (writer < count % writers ? 1 : 0)
    for _ in 0..<share {
      let run = random.pick(own)
      let id = tally.next(run)
      let value = value(run, id)
      let key = Self.key(run, keyNumber(id))
      try engine.write { batch in
        try batch.set(key, to: value)
        if superseding == .removal {
          try batch.remove(KeyRange(from: Self.key(run, 0), to: key))
        }
      }
      tally.add(run: run, bytes: UInt64(key.count + value.count))
    }
  }

  /// How many runs do not have exactly their latest checkpoint.
  private func check(_ engine: Engine, _ latest: [UInt64]) throws -> Int {
    try engine.read { reader in
      var wrong = 0
      for (run, id) in latest.enumerated() {
        let found = try reader.entries(in: Tuple("checkpoint", .integer(Int64(run))).range, limit: 2)
        let expected =
          id == 0
          ? []
          : [
            KeyValue(
              key: Self.key(run, keyNumber(id)), value: value(run, id))
          ]
        if found != expected { wrong += 1 }
      }
      return wrong
    }
  }
}

/// What one writer has written so far; another thread shows it.
private final class CheckpointTally: Sendable {
  private struct State {
    var latest: [UInt64]
    var bytes: UInt64 = 0
    var commits = 0
  }

  private let state: Mutex<State>

  init(runs: Int) { state = Mutex(State(latest: Array(repeating: 0, count: runs))) }

  var latest: [UInt64] { state.withLock { $0.latest } }
  var bytes: UInt64 { state.withLock { $0.bytes } }
  var commits: Int { state.withLock { $0.commits } }

  /// The number of a run's next checkpoint.
  func next(_ run: Int) -> UInt64 { state.withLock { $0.latest[run] + 1 } }

  /// The run's next checkpoint was committed.
  func add(run: Int, bytes: UInt64) {
    state.withLock { state in
      state.latest[run] += 1
      state.bytes += bytes
      state.commits += 1
    }
  }
}
