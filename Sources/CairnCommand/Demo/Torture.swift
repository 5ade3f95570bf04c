import Cairn
import Foundation

/// `cairn demo --torture`: proves the demo's promises on real processes that are killed at random moments.
///
/// First a run is left undisturbed; then runs on fresh stores are each killed several times, resumed after
/// each kill, and let finish. After a kill a copy of the store is opened and checked; the store itself is
/// left as the kill left it, so that the next process recovers from that, and may be killed while it does.
struct Torture {
  let kills: Int
  let seed: UInt64
  let paceMilliseconds: Int
  let console: Console

  /// Kills, checks and prints. False when anything isn't as promised, or when the kills prove nothing.
  func run() async throws -> Bool {
    let start = DispatchTime.now().uptimeNanoseconds
    let workshop = try TortureWorkshop(paceMilliseconds: paceMilliseconds)
    console.line(
      "cairn demo --torture \(kills) --seed \(seed) --pace \(paceMilliseconds), in \(workshop.folder)")
    let undisturbed = try await workshop.undisturbedRun()
    let milliseconds = Double(undisturbed.timing.stepNanoseconds / 10_000) / 100
    console.line("Undisturbed: \(undisturbed.reviews.count) documents, about \(milliseconds) ms each.")

    var random = SeededGenerator(seed: seed)
    var tally = TortureTally()
    var runs = 0
    while tally.histogram.total < kills, tally.violations.isEmpty {
      runs += 1
      var run = TortureRun(number: runs, workshop: workshop, undisturbed: undisturbed)
      try await run.execute(
        kills: min(random.pick(5...12), kills - tally.histogram.total), using: &random, &tally)
      if console.isTerminal { console.progress(done: tally.histogram.total, of: kills, name: "kills") }
    }
    if console.isTerminal { console.clearProgress() }

    let seconds = (DispatchTime.now().uptimeNanoseconds &- start) / 1_000_000_000
    console.line(
      "\(counted(tally.histogram.total, "kill")) in \(counted(runs, "run")), "
        + "\(counted(tally.acknowledged, "review")) acknowledged, \(seconds) s.")
    for line in tally.lines { console.line(line) }
    return verdict(tally, workshop)
  }

  private func verdict(_ tally: TortureTally, _ workshop: TortureWorkshop) -> Bool {
    guard tally.violations.isEmpty else {
      console.line("NOT AS PROMISED. The stores are kept in \(workshop.folder).")
      return false
    }
    workshop.remove()
    guard tally.histogram.provesSomething else {
      console.line(
        "Nothing is proved: fewer than nine in ten kills landed between the first and the last step.")
      return false
    }
    console.line("Everything is as promised.")
    return true
  }
}

/// What came out of all runs so far.
struct TortureTally {
  private(set) var histogram = KillHistogram()
  private(set) var violations: [(run: Int, violation: Violation)] = []
  /// How often a store was checked, and a report compared.
  private(set) var storeChecks = 0
  private(set) var reportChecks = 0
  /// How many reviews the processes acknowledged.
  private(set) var acknowledged = 0

  mutating func add(kill place: KillPlace) { histogram.add(place) }

  mutating func add(acknowledged count: Int) { acknowledged += count }

  mutating func add(storeCheck found: [Violation], run: Int) {
    storeChecks += 1
    violations += found.map { (run, $0) }
  }

  mutating func add(reportCheck found: [Violation], run: Int) {
    reportChecks += 1
    violations += found.map { (run, $0) }
  }

  /// The tables.
  var lines: [String] {
    var lines = ["", "Where the kills landed"] + histogram.lines
    let share = 100 * histogram.betweenSteps / max(histogram.total, 1)
    lines.append("  Between the first and the last step: \(share) %; at least 90 % are needed.")
    lines += ["", padded("What was checked", 60) + " times  violations"]
    for invariant in Invariant.allCases {
      let times = invariant == .sameReport ? reportChecks : storeChecks
      let count = violations.count { $0.violation.invariant == invariant }
      lines.append("  " + padded(invariant.sentence, 58) + rightAligned(times, 6) + rightAligned(count, 12))
    }
    lines.append("")
    for (run, violation) in violations.prefix(10) {
      lines.append("Run \(run): \(violation.invariant.sentence): not so. \(violation.detail)")
    }
    return lines
  }
}
