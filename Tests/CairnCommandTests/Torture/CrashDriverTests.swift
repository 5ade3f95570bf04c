import CairnEngine
import Foundation
import Testing

@testable import CairnCommand

/// The driver on real processes, and on ones that only pretend.
@Suite struct CrashDriverTests {
  private func report(_ folder: TemporaryFolder, kills: Int, seed: UInt64, executable: String) throws
    -> SoakReport
  {
    let output = open("/dev/null", O_WRONLY)
    defer { close(output) }
    var driver = CrashDriver(
      plan: CrashDriver.Plan(kills: kills, seconds: nil, seed: seed, threads: nil, isMixed: false),
      folder: folder.path, console: Console(output: output), executable: executable)
    return try driver.run()
  }

  private func figure(_ name: String, of report: SoakReport) -> Int? {
    report.rows.first { $0.name == name }.flatMap { Int($0.measured.prefix { $0.isNumber }) }
  }

  @Test func writersAreKilledInEveryWay() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let report = try report(folder, kills: 20, seed: 5, executable: TortureFixture.executable())
    #expect(report.holds, "\(report.lines)")
    #expect((figure("kills", of: report) ?? 0) >= 20)
    #expect(
      (figure("  at calls", of: report) ?? 0) > 0 && (figure("  at random moments", of: report) ?? 0) > 0)
    #expect(figure("stops, the store kept locked", of: report) == 1)
    #expect(figure("races of two, one of them refused", of: report) == 1)
  }

  /// What a writer does that is as it should not be.
  @Test(arguments: [
    (
      "echo RESUME 1; echo BEGIN 1; echo ACK 1; case $* in *kill-at*) kill -KILL $$;; esac; exec sleep 9",
      "lost: "
    ),
    ("echo RESUME 1; echo oh >&2; exit 1", "ended by itself"),
    ("echo RESUME 1; kill -SEGV $$", "ended by itself"),
    ("echo RESUME 1; exit 0", "ended by itself"),
  ])
  func aWriterThatIsNoneIsFound(script: String, words: String) throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let path = folder.path + "/writer"
    try folder.write("#!/bin/sh\n" + script + "\n", to: "writer")
    try #require(chmod(path, 0o700) == 0)
    // Which of them is noticed depends on the step. A file that was just written can't be started while another
    // test, which starts a process at that moment, has its descriptor.
    for seed in 0..<200 as Range<UInt64> {
      guard let report = try? report(folder, kills: 3, seed: seed, executable: path) else { continue }
      if !report.holds {
        #expect(report.lines.contains { $0.contains(words) }, "\(report.lines)")
        return
      }
    }
    Issue.record("nothing was found")
  }

  @Test func stepsAreOfEveryKindAndFollowFromTheSeed() {
    var random = SeededGenerator(seed: 4)
    var again = SeededGenerator(seed: 4)
    var counts: [String: Int] = [:]
    for index in 0..<2000 {
      let step = CrashStep.draw(index, using: &random)
      #expect(step == CrashStep.draw(index, using: &again))
      let kind =
        switch step {
        case .killAtMoment(let afterOpening, _): afterOpening ? "open" : "starting"
        case .killAtCall: "call"
        case .stop(_, _, let goesOn): goesOn ? "stop and go" : "stop"
        case .race: "race"
        }
      counts[kind, default: 0] += 1
    }
    #expect(counts["race"] == 100 && counts["call"] == 1000)
    #expect(
      (counts["starting"] ?? 0) > 150 && (counts["stop"] ?? 0) > 30 && (counts["stop and go"] ?? 0) > 30)
  }

  /// Writers make 90 writes, one directory, and no link.
  @Test func aSweepGoesAsFarAsWritersGet() {
    var random = SeededGenerator(seed: 6)
    var sweep = CallSweep(using: &random)
    var numbers: [String: Set<UInt64>] = [:]
    var misses = 0
    for _ in 0..<8000 {
      guard let (place, point) = sweep.draw(using: &random) else {
        Issue.record("nothing is left to draw")
        return
      }
      let calls: UInt64 = point.call == .write ? 90 : point.call == .link ? 0 : 1
      let isReached = point.number <= calls
      sweep.note(place, point, wasReached: isReached)
      if isReached {
        numbers["\(point.call) \(point.moment)".prefix(12).description, default: []].insert(point.number)
      }
      if !isReached { misses += 1 }
    }
    #expect(numbers["write before"] == Set(1...90))
    #expect(numbers["write after"] == Set(1...90))
    #expect(numbers["mkdir before"] == [1])
    #expect(misses < 4000)
    #expect(sweep.lines.first { $0.call == "link" }?.kills == "none: it does not come")
    #expect(sweep.unreached == [.link])
  }

  /// Writers make 30 writes, and three of any other call.
  @Test func aSweepOfEveryCallLeavesNoneOut() {
    var random = SeededGenerator(seed: 7)
    var sweep = CallSweep(using: &random)
    var numbers: [String: Set<UInt64>] = [:]
    var draws = 0
    while let (place, point) = sweep.next(using: &random), draws < 10_000 {
      draws += 1
      let isReached = point.number <= (point.call == .write ? 30 : 3)
      sweep.note(place, point, wasReached: isReached)
      if isReached { numbers["\(point.call) \(point.moment)", default: []].insert(point.number) }
    }
    #expect(numbers["write before"] == Set(1...30) && numbers["write after"] == Set(1...30))
    for call in FileCall.allCases where call != .write {
      #expect(numbers["\(call) before"] == [1, 2, 3] && numbers["\(call) after"] == [1, 2, 3])
    }
    #expect(draws < 500)
  }
}
