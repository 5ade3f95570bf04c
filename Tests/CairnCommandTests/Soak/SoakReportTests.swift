import CairnEngine
import Foundation
import Testing

@testable import CairnCommand

@Suite struct SoakReportTests {
  @Test(arguments: [
    SessionLine.opened(microseconds: 12), .verified(commits: [1, 0]), .snapshotChecked,
    .alive(PacingTotals()), .unaccounted([]),
    .unaccounted(["MANIFEST.new", "2 of the kind log instead of 1"]),
    .quiet(milliseconds: 1, bytes: 2, logBytes: 3), .closed, .violation("lane 0 lost a key"),
  ])
  func linesTurnBack(line: SessionLine) { #expect(SessionLine(line.text[...]) == line) }

  @Test(arguments: [
    "", "OPENED", "OPENED x", "VERIFIED", "VERIFIED 1 x", "QUIET 1 2", "SNAPSHOT 1", "ALIVE", "ALIVE 1 2",
    "FILES", "closed",
  ])
  func otherLinesAreNone(text: String) { #expect(SessionLine(text[...]) == nil) }

  @Test func plansAreOfEveryKindAndFollowFromTheSeed() {
    var random = SeededGenerator(seed: 4)
    var again = SeededGenerator(seed: 4)
    var kinds: Set<String> = []
    for _ in 0..<1000 {
      let plan = SessionPlan.draw(greatestMilliseconds: 9000, using: &random)
      #expect(plan == SessionPlan.draw(greatestMilliseconds: 9000, using: &again))
      #expect(plan.legMilliseconds.allSatisfy { $0 > 0 })
      switch plan.kill {
      case nil:
        kinds.insert("none")
        #expect(plan.legMilliseconds.reduce(0, +) <= 9000)
      case .afterStart(let milliseconds):
        kinds.insert("start")
        #expect((1...9000).contains(milliseconds))
      case .afterVerified(let milliseconds):
        kinds.insert(plan.legMilliseconds.count > 1 ? "reopening" : "writing")
        #expect((1...9000).contains(milliseconds))
      }
    }
    #expect(kinds == ["none", "start", "reopening", "writing"])
  }

  @Test func oneRowThatFailsFailsTheReport() {
    var report = SoakReport()
    report.tell("a", "1")
    report.require("bc", "12", "< 20", true)
    #expect(report.holds)
    report.require("d", "21", "< 20", false)
    #expect(!report.holds)
    #expect(report.lines == ["  a   1", "  bc  12  < 20  ok", "  d   21  < 20  FAILED"])
  }

  @Test func figuresAreWords() {
    #expect(Figure.bytes(1023) == "1023 B")
    #expect(Figure.bytes(1536) == "1.5 KiB")
    #expect(Figure.bytes(3 << 40) == "3.0 TiB")
    #expect(Figure.decimal(2.375, 2) == "2.38")
    #expect(Figure.decimal(7, 0) == "7")
    #expect(Figure.decimal(-0.25, 2) == "-0.25")
    #expect(Figure.decimal(.infinity, 1) == "inf")
    #expect(Figure.count(1_234_567) == "1,234,567")
    #expect(Figure.count(12) == "12")
  }

  @Test func aSessionThatEndsByItselfIsAViolation() {
    func violations(_ end: SupervisedProcess.End, closed: Bool) -> Int {
      var tally = MixedTally()
      var session = MixedTally.Session()
      if closed { session.take(.closed) }
      tally.add(session, end, SupervisedProcess.Usage(), number: 1, complaints: ["oh"])
      return tally.violations.count
    }
    #expect(violations(.exited(0), closed: true) == 0)
    #expect(violations(.killed, closed: false) == 0)
    #expect(violations(.exited(0), closed: false) == 1)
    #expect(violations(.exited(1), closed: true) == 1)
    #expect(violations(.crashed(signal: 4), closed: false) == 1)
    #expect(violations(.hung, closed: false) == 1)
  }

  @Test func boundsAreChecked() {
    let plan = MixedSession.Plan(folder: "", seed: 1, lanes: 1, liveBytes: 1, memoryLimit: 64 << 20)
    var model = SoakModel(SoakLane(number: 0, seed: 1, liveBytes: 1))
    model.advance(to: 500)
    func failing(
      threads: Int = 4, resident: UInt64 = 0, disk: UInt64 = 0, logs: UInt64 = 0, files: [String] = [],
      delays: [UInt64] = []
    ) -> [String] {
      var tally = MixedTally()
      var session = MixedTally.Session()
      session.take(.quiet(milliseconds: 1, bytes: disk, logBytes: logs))
      session.take(.unaccounted(files))
      let none = [UInt64](repeating: 0, count: LatencyHistogram.bucketCount - delays.count)
      session.take(.alive(PacingTotals([10_000, 0, 0] + delays + none) ?? PacingTotals()))
      session.take(.closed)
      tally.add(
        session, .exited(0), SupervisedProcess.Usage(peakResidentBytes: resident), number: 1, complaints: [])
      return tally.report(
        plan, threads: threads, [model], quietSeconds: 60, deviceBytes: nil
      ).rows.filter { !$0.holds }.map(\.name)
    }
    #expect(failing() == [])
    #expect(failing(resident: 127 << 20, disk: model.liveBytes * 2) == [])
    #expect(failing(resident: 128 << 20) == ["peak resident memory"])
    #expect(failing(threads: 5, resident: 128 << 20) == [])
    #expect(failing(threads: 5, resident: 140 << 20) == ["peak resident memory"])
    #expect(failing(disk: model.liveBytes * 3) == ["disk after 60 quiet seconds"])
    #expect(failing(disk: model.liveBytes * 3, logs: model.liveBytes) == [])
    #expect(failing(files: ["MANIFEST.new"]) == ["unaccounted files"])
    let fourteen = [UInt64](repeating: 0, count: 14)
    #expect(failing(delays: fourteen + [9000, 10]) == [])
    #expect(failing(delays: fourteen + [0, 11]) == ["delay by pacing, p99.9"])
  }

  @Test func filesAreToldByTheirNames() {
    let usage = DiskUsage([
      ("LOCK", 1), ("MANIFEST", 2), ("00000001.log", 4), ("00000002.spare", 8), ("00000003.segment", 16),
      ("123456789.values", 32),
    ])
    #expect(usage.bytes == 63 && usage.logBytes == 12 && usage.strays == [])
    #expect(usage.counts["segment"] == 1)
    for name in ["MANIFEST.new", "00000002.spare", "1.log", "0000000x.log", "00000004.tmp", "core"] {
      let files = ["00000001.spare", "00000005.spare", name].map { ($0, 1 as UInt64) }
      #expect(DiskUsage(files).strays == [name])
    }
  }

  @Test func everyFileOfAClosedStoreIsAccountedFor() throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let engine: Engine = try Engine.open(at: folder.path)
    try engine.write { try $0.set([1], to: [2]) }
    try engine.close()
    let space = engine.statistics().space
    #expect(DiskUsage(of: folder.path).unaccounted(by: space) == [])
    for name in ["00000999.log", "00000999.segment", "00000999.values", "MANIFEST.new"] {
      try folder.write("", to: name)
      #expect(DiskUsage(of: folder.path).unaccounted(by: space).count == 1)
      try FileManager.default.removeItem(atPath: folder.path + "/" + name)
    }
  }

  @Test func sectorsAreReadFromTheDevicesLine() {
    let line = "  8113592  2 3 4  10 11   1000 13 0 15 16"
    #expect(DeviceCounter.writtenBytes(statistics: line) == 512_000)
    #expect(DeviceCounter.writtenBytes(statistics: "1 2 3") == nil)
    #expect(DeviceCounter.writtenBytes(statistics: "1 2 3 4 5 6 x") == nil)
  }

  @Test(arguments: ["exit 0", "kill -KILL $$"])
  func whatAProcessUsedIsKnownHoweverItEnded(last: String) throws {
    let process = try SupervisedProcess(
      executable: "/bin/sh", arguments: ["-c", "echo 0123456789; \(last)"])
    var lines: [String] = []
    while process.read(waitMilliseconds: 1000, { lines.append(String($0)) }) != .end {}
    let usage = process.reap().usage
    #expect(lines == ["0123456789"])
    #expect(usage.peakResidentBytes > 4096)
    #if os(Linux)
      #expect(usage.writtenBytes == 11)
    #endif
  }
}
