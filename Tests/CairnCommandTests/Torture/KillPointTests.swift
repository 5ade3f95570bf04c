import CairnEngine
import CairnKV
import Foundation
import Testing

@testable import CairnCommand

/// Processes that kill themselves at a call.
@Suite struct KillPointTests {
  @Test(arguments: [
    "write:137:before", "rename:2:after", "write:1:torn", "writethrough:9:torn:512", "mkdir:1:before",
  ])
  func pointsTurnBack(text: String) throws {
    #expect(try #require(KillPoint(argument: text)).text == text)
  }

  @Test(arguments: [
    "", "write", "write:1", "write:0:before", "write:x:before", "write:1:during", "sync:1:torn",
    "write:1:torn:-1",
    "write:1:before:2", "fork:1:before", "write:1:torn:", "write:1:torn:5:6",
  ])
  func othersAreRefused(text: String) { #expect(KillPoint(argument: text) == nil) }

  @Test func onlyTheCallMeantIsOrdered() {
    let kill = KillSwitch(KillPoint(call: .sync, number: 2, moment: .after))
    #expect(
      [FileCall.sync, .write, .sync, .sync].map { kill.order(for: $0) } == [
        .make, .make, .kill(.after), .make,
      ])
  }

  /// Every kind of call that the engine makes goes through the file system that counts it.
  @Test func everyCallIsCounted() throws {
    let fixture = try TortureFixture(isMixed: true)
    defer { fixture.folder.remove() }
    let calls = FileCall.allCases.filter { ![.truncate, .writeback].contains($0) }
    // None is ever reached.
    let switches = calls.map { KillSwitch(KillPoint(call: $0, number: 1 << 40, moment: .before)) }
    var environment = Environment.system
    for killSwitch in switches {
      environment.fileSystem = KillingFileSystem(base: environment.fileSystem, killSwitch: killSwitch)
    }
    try fixture.write(100, environment: environment)
    for killSwitch in switches { #expect(killSwitch.count > 0, "\(killSwitch.point.call)") }
  }

  @Test(arguments: [
    "mkdir:1:before", "mkdir:1:after", "rename:1:before", "rename:1:after", "write:3:before", "write:3:after",
    "write:3:torn", "write:3:torn:1", "writethrough:7:torn:4096", "writethrough:20:before",
    "writethrough:20:after",
    "sync:2:before", "syncdir:1:after", "close:1:before", "read:1:after", "lock:1:after",
  ])
  func theProcessDiesAndTheNextGoesOn(point: String) async throws {
    let fixture = try TortureFixture()
    defer { fixture.folder.remove() }
    let executable = try TortureFixture.executable()
    let point = try #require(KillPoint(argument: point))
    func arguments(_ more: [String]) -> [String] {
      [fixture.store, "80", "--seed", "\(fixture.script.seed)", "--threads", "2"] + more
    }
    // A new store need not be read from before it is closed.
    if point.call == .read { try fixture.write(40) }
    for more in [["--kill-at", point.text], ["--kill-at", point.text], []] {
      let writer = try WriterProcess(executable: executable, arguments: arguments(more))
      let end = writer.end()
      #expect(end == (!more.isEmpty ? .crashed(signal: SIGKILL) : .exited(0)), "\(point.text)")
      try fixture.say(writer.lines.map { $0.text + "\n" }.joined())
      if point == KillPoint(call: .rename, number: 1, moment: .before), writer.lines.isEmpty, !more.isEmpty {
        #expect(!FileManager.default.fileExists(atPath: fixture.store + "/MANIFEST"))
      }
    }
    #expect(await fixture.verify() == 0)
  }

  @Test func aWriterThatFailsSaysWhyAndExitsWithOne() throws {
    let fixture = try TortureFixture()
    defer { fixture.folder.remove() }
    let executable = try TortureFixture.executable()
    let writer = try WriterProcess(executable: executable, arguments: [fixture.folder.path + "/a/b", "5"])
    #expect(writer.end() == .exited(1))
    #expect(writer.lines == [])
    #expect(writer.complaints.first?.hasPrefix("cairn torture writer: inputOutput: ") == true)
    let engine: Engine = try Engine.open(at: fixture.store, options: CrashStore.options)
    let second = try WriterProcess(executable: executable, arguments: [fixture.store, "5"])
    #expect(second.end() == .exited(1))
    #expect(second.complaints.first?.hasPrefix("cairn torture writer: locked: ") == true)
    try engine.close()
    let senseless = try WriterProcess(executable: executable, arguments: [fixture.store, "0"])
    #expect(senseless.end() == .exited(64))
  }
}
