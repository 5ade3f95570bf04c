// Stores that earlier versions of this program have written: what is in them is what was in them.

import Foundation
import Testing

@testable import CairnEngine

extension Fixture {
  private static let folder = SecondReader.tests.appending(path: "Fixtures/format-1")

  var store: URL { Self.folder.appending(path: "\(rawValue)/store") }
  private var expectedFile: URL { Self.folder.appending(path: "\(rawValue)/expected.jsonl") }

  /// What the engine found in it when it was made.
  func expected() throws -> [String] {
    try String(contentsOf: expectedFile, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  /// With the environment variable `CAIRN_UPDATE_FIXTURES` set to 1 the fixture is made anew.
  func update() throws {
    let image = try image()
    try image.write(to: store)
    let lines = try StateDump.lines(of: image).map { $0 + "\n" }.joined()
    try lines.write(to: expectedFile, atomically: true, encoding: .utf8)
  }

  static let isUpdating = ProcessInfo.processInfo.environment["CAIRN_UPDATE_FIXTURES"] == "1"
}

@Suite(.serialized) struct FixtureTests {
  @Test(arguments: Fixture.allCases) func theEngineFindsWhatWasWritten(fixture: Fixture) throws {
    if Fixture.isUpdating { try fixture.update() }
    let lines = try StateDump.lines(of: StoreImage(at: fixture.store))
    #expect(try lines == fixture.expected(), "\(fixture.rawValue)")
  }

  /// Opening must not depend on how the store was written.
  @Test(arguments: Fixture.allCases) func optionsDoNotMatter(fixture: Fixture) throws {
    var options = EngineOptions()
    options.memoryLimit = 64 << 20
    options.compressionLevel = nil
    options.valueThreshold = 64
    options.prefixRule = .fixedLength(3)
    let lines = try StateDump.lines(of: StoreImage(at: fixture.store), options: options)
    #expect(try lines == fixture.expected(), "\(fixture.rawValue)")
  }

  @Test func fixturesStaySmall() throws {
    let bytes = try Fixture.allCases.reduce(0) {
      try $0 + StoreImage(at: $1.store).byteCount + $1.expected().joined(separator: "\n").utf8.count
    }
    #expect(bytes < 300 << 10)
  }
}
