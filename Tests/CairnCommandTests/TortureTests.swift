import Foundation
import Testing

@testable import CairnCommand

@Suite struct TortureTests {
  @Test(arguments: [StepLine.started, .opened(0), .opened(42), .committing(7), .recorded(100)])
  func stepLinesTurnBack(line: StepLine) { #expect(StepLine(line.text[...]) == line) }

  @Test(arguments: ["", "ACK", "ACK ", "ACK x", "ACK 1 2", "ack 1", "STARTED 1", "ACK -1", "cairn demo: no"])
  func otherLinesAreNone(text: String) { #expect(StepLine(text[...]) == nil) }

  @Test func killPlansFallWithinTheWork() {
    let timing = StepTiming(openNanoseconds: 1000, stepNanoseconds: 100, commitNanoseconds: 50)
    for seed in 0..<2000 as Range<UInt64> {
      var random = SeededGenerator(seed: seed)
      let recorded = random.pick(0...100)
      let plan = KillPlan.draw(
        recorded: recorded, count: 100, left: random.pick(0...12), mayFallOutside: random.pick(0...1) == 0,
        timing: timing, using: &random)
      switch plan.mark {
      case .started: #expect(plan.delayNanoseconds < 1000)
      case .recorded(let target): #expect(target <= 100 && plan.delayNanoseconds < 100, "seed \(seed)")
      case .committing(let target):
        #expect((1...100).contains(target) && plan.delayNanoseconds < 50, "seed \(seed)")
      }
    }
  }

  @Test func sameSeedSamePlans() {
    let timing = StepTiming(openNanoseconds: 1000, stepNanoseconds: 100, commitNanoseconds: 50)
    func plans() -> [KillPlan] {
      var random = SeededGenerator(seed: 5)
      return (0..<50).map {
        .draw(
          recorded: $0, count: 100, left: 5, mayFallOutside: true, timing: timing, using: &random)
      }
    }
    #expect(plans() == plans())
  }

  @Test func placesAreToldByTheAccount() {
    var account = ChildProcess.Account()
    #expect(KillPlace(account, begun: 5, count: 100) == .starting)
    account.hasStarted = true
    #expect(KillPlace(account, begun: 0, count: 100) == .opening)
    #expect(KillPlace(account, begun: 5, count: 100) == .resuming)
    account.opened = 0
    #expect(KillPlace(account, begun: 0, count: 100) == .opening)
    account.opened = 5
    #expect(KillPlace(account, begun: 5, count: 100) == .reviewing)
    account.committing = 6
    #expect(KillPlace(account, begun: 5, count: 100) == .committing)
    account.acknowledged = 6
    #expect(KillPlace(account, begun: 5, count: 100) == .reviewing)
    account.acknowledged = 100
    account.committing = 100
    #expect(KillPlace(account, begun: 5, count: 100) == .afterLast)
  }

  @Test func killsElsewhereProveNothing() {
    var histogram = KillHistogram()
    #expect(!histogram.provesSomething)
    for _ in 0..<9 { histogram.add(.committing) }
    histogram.add(.afterLast)
    #expect(histogram.provesSomething)
    histogram.add(.starting)
    #expect(!histogram.provesSomething)
  }

  @Test func childIsReadToItsEnd() throws {
    let child = try ChildProcess(
      executable: "/bin/sh",
      arguments: ["-c", "echo STARTED; echo OPENED 3; echo COMMIT 4; echo ACK 4; echo oh >&2"])
    #expect(child.run(killing: nil) { _ in false } == .exited(0))
    #expect(child.account.opened == 3)
    #expect(child.account.acknowledged == 4)
    #expect(child.account.complaints == ["oh"])
  }

  @Test func childIsKilledOnceTheMarkIsReached() throws {
    let child = try ChildProcess(
      executable: "/bin/sh", arguments: ["-c", "echo OPENED 0; echo ACK 1; exec sleep 1000"])
    #expect(child.run(killing: 1_000_000) { $0.acknowledged == 1 } == .killed)
    #expect(child.account.acknowledged == 1)
  }

  @Test func childThatEndsByItselfIsTold() throws {
    let failing = try ChildProcess(executable: "/bin/sh", arguments: ["-c", "exit 3"])
    #expect(failing.run(killing: nil) { _ in false } == .exited(3))
    let crashing = try ChildProcess(executable: "/bin/sh", arguments: ["-c", "kill -KILL $$"])
    #expect(crashing.run(killing: nil) { _ in false } == .crashed(signal: SIGKILL))
    #expect(throws: CommandFailure.self) { try ChildProcess(executable: "/nonexistent", arguments: []) }
  }
}
