import Cairn
import Foundation

/// A run of the work on a fresh store, killed and resumed several times and then let finish.
struct TortureRun {
  let number: Int
  let workshop: TortureWorkshop
  let undisturbed: TortureWorkshop.UndisturbedRun
  /// What the processes of this run have said so far.
  private var acknowledged = 0
  private var begun = 0

  init(number: Int, workshop: TortureWorkshop, undisturbed: TortureWorkshop.UndisturbedRun) {
    self.number = number
    self.workshop = workshop
    self.undisturbed = undisturbed
  }

  private var store: String { "\(workshop.folder)/run-\(number)" }
  private var report: String { "\(workshop.folder)/run-\(number).txt" }

  /// Kills the run so many times, or fewer when it ends before, and lets it finish.
  mutating func execute(kills: Int, using random: inout SeededGenerator, _ tally: inout TortureTally)
    async throws
  {
    var left = kills
    var isFinished = false
    while !isFinished && tally.violations.isEmpty {
      var plan: KillPlan?
      if left > 0 {
        plan = KillPlan.draw(
          recorded: acknowledged, count: undisturbed.reviews.count, left: left,
          mayFallOutside: tally.histogram.hasRoomOutside, timing: undisturbed.timing, using: &random)
      }
      let child = try workshop.start(store: store, report: report)
      let end = child.run(killing: plan?.delayNanoseconds) { plan?.isReached(by: $0) ?? false }
      let place = KillPlace(child.account, begun: begun, count: undisturbed.reviews.count)
      let before = acknowledged
      acknowledged = max(acknowledged, child.account.acknowledged)
      begun = max(begun, child.account.committing)
      tally.add(acknowledged: acknowledged - before)
      switch end {
      case .killed:
        left -= 1
        tally.add(kill: place)
      case .exited(0): isFinished = true
      default:
        let words = "a process ended by itself, \(end): \(child.account.complaints.joined(separator: " / "))"
        tally.add(storeCheck: [Violation(invariant: .opens, detail: words)], run: number)
        return
      }
      tally.add(storeCheck: await checked(asItIs: isFinished), run: number)
    }
    if isFinished { tally.add(reportCheck: checkedReport(), run: number) }
    if tally.violations.isEmpty { workshop.remove(store, report) }
  }

  /// What doesn't hold in a copy of the store, or in the store itself once nobody works on it any more.
  private func checked(asItIs: Bool) async -> [Violation] {
    // A process that was killed before it made the store has acknowledged nothing.
    let isThere = FileManager.default.fileExists(atPath: store)
    if !isThere && acknowledged == 0 { return [] }
    let path = asItIs ? store : store + "-copy"
    do {
      if !asItIs { try FileManager.default.copyItem(atPath: store, toPath: path) }
      let opened = try await Store.open(path)
      let check = InvariantCheck(acknowledged: acknowledged, begun: begun, reference: undisturbed.reviews)
      let found = await check.violations(in: opened)
      try await opened.close()
      if !asItIs && found.isEmpty { workshop.remove(path) }
      return found
    } catch {
      return [Violation(invariant: .opens, detail: "\(error)")]
    }
  }

  private func checkedReport() -> [Violation] {
    guard let written = FileManager.default.contents(atPath: report) else {
      return [Violation(invariant: .sameReport, detail: "there is no report")]
    }
    guard written != undisturbed.report else { return [] }
    return [Violation(invariant: .sameReport, detail: "\(report) differs")]
  }
}
