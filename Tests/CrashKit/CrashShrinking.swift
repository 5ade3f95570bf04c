import CairnTesting

/// A case that fails.
package struct CrashFailure: Sendable, CustomStringConvertible {
  package var found: CrashCase
  /// What is wrong.
  package var complaints: [String]
  /// What the crash loses.
  package var losses: String

  package var description: String {
    "\(complaints.first ?? "nothing is wrong"); \(losses)\nagain: CAIRN_CRASH_CASE=\"\(found)\" make explore"
  }
}

/// Makes a case that fails simpler, as long as something still fails: fewer steps; then less that is lost; and of what is
/// torn, what can be whole, whole.
struct CrashShrinking {
  private let workload: any CrashWorkload
  private let effort: CrashEffort
  private var simplest: CrashFailure
  /// How many cases may still be tried.
  private var left: Int

  /// Disks that are looked at of a run with fewer steps.
  private static let statesOfCandidate = 100

  init(_ workload: any CrashWorkload, _ effort: CrashEffort, _ failure: CrashFailure) {
    self.workload = workload
    self.effort = effort
    simplest = failure
    left = effort.shrinkLimit
  }

  mutating func run() async -> CrashFailure {
    await leaveStepsOut()
    for depth in simplest.found.crashes.indices { await loseLess(depth) }
    return simplest
  }

  /// Halves, quarters, and so on, down to single steps.
  private mutating func leaveStepsOut() async {
    var length = max(1, simplest.found.steps.count / 2)
    while length >= 1 {
      var start = 0
      while start < simplest.found.steps.count, left > 0 {
        var steps = simplest.found.steps
        steps.removeSubrange(start..<min(start + length, steps.count))
        if let failure = await firstFailure(steps) {
          simplest = failure
        } else {
          start += length
        }
      }
      if length == 1 { return }
      length /= 2
    }
  }

  private mutating func firstFailure(_ steps: [Int]) async -> CrashFailure? {
    left -= 10
    var effort = effort
    effort.states = Self.statesOfCandidate
    effort.recoveries = simplest.found.crashes.count > 1 ? Self.statesOfCandidate / 2 : 0
    var explorer = CrashExplorer.plain(workload, effort, steps: steps)
    let failure = await explorer.explore().failures.first
    // A workload that does not even end without a crash is another matter.
    return failure.flatMap { $0.found.crashes.isEmpty == simplest.found.crashes.isEmpty ? $0 : nil }
  }

  private mutating func loseLess(_ depth: Int) async {
    var isSimpler = true
    while isSimpler, left > 0 {
      isSimpler = false
      let found = simplest.found
      guard let moment = await moment(of: found, depth) else { return }
      for choice in moment.simpler(found.crashes[depth].choice) where left > 0 {
        left -= 1
        var candidate = found
        candidate.crashes[depth].choice = choice
        if let failure = await workload.replay(candidate), !failure.complaints.isEmpty {
          simplest = failure
          isSimpler = true
          break
        }
      }
    }
  }

  private func moment(of found: CrashCase, _ depth: Int) async -> DiskMoment? {
    var scenes = await CrashScenes.ofRun(workload, found.steps)
    for (index, crash) in found.crashes.enumerated() {
      guard let scene = scenes.all.first(where: { $0.moment.operation == crash.operation }) else {
        return nil
      }
      if index == depth { return scene.moment }
      scenes = await CrashScenes.ofRecovery(
        workload, on: scene.moment.disk(after: crash.choice), scene.promise)
    }
    return nil
  }
}
