// Stores that earlier versions of this program have written: what is in them is what was in them.

import Foundation
import Testing

@testable import CairnEngine

/// A store in `Tests/Fixtures`, of some format version.
struct FixtureStore: Sendable, CustomTestStringConvertible {
  let version: FormatVersion
  let fixture: Fixture

  /// All of the first version, and of each later one what it changed.
  static let all =
    Fixture.allCases.map { FixtureStore(version: .one, fixture: $0) }
    + [.empty, .logSealed, .logOpen, .manifest].map { FixtureStore(version: .two, fixture: $0) }

  var name: String { "format-\(version.rawValue)/\(fixture.rawValue)" }
  var testDescription: String { name }
  var store: URL { SecondReader.tests.appending(path: "Fixtures/\(name)/store") }
  private var expectedFile: URL { SecondReader.tests.appending(path: "Fixtures/\(name)/expected.jsonl") }

  /// What the engine found in it when it was made.
  func expected() throws -> [String] {
    try String(contentsOf: expectedFile, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  /// With the environment variable `CAIRN_UPDATE_FIXTURES` set to 1 those of the newest version are made anew. The others
  /// stay as the programs of their time have made them.
  func update() throws {
    guard version == .newest else { return }
    let image = try fixture.image(version)
    try image.write(to: store)
    let lines = try StateDump.lines(of: image).map { $0 + "\n" }.joined()
    try lines.write(to: expectedFile, atomically: true, encoding: .utf8)
  }

  static let isUpdating = ProcessInfo.processInfo.environment["CAIRN_UPDATE_FIXTURES"] == "1"
}

@Suite(.serialized) struct FixtureTests {
  @Test(arguments: FixtureStore.all) func theEngineFindsWhatWasWritten(fixture: FixtureStore) throws {
    if FixtureStore.isUpdating { try fixture.update() }
    let lines = try StateDump.lines(of: StoreImage(at: fixture.store))
    #expect(try lines == fixture.expected(), "\(fixture.name)")
  }

  /// Opening must not depend on how the store was written.
  @Test(arguments: FixtureStore.all) func optionsDoNotMatter(fixture: FixtureStore) throws {
    var options = EngineOptions()
    options.memoryLimit = 64 << 20
    options.compressionLevel = nil
    options.valueThreshold = 64
    options.prefixRule = .fixedLength(3)
    let lines = try StateDump.lines(of: StoreImage(at: fixture.store), options: options)
    #expect(try lines == fixture.expected(), "\(fixture.name)")
  }

  /// No version is forgotten.
  @Test func everyVersionHasFixtures() {
    #expect(Set(FixtureStore.all.map(\.version)) == Set(FormatVersion.allCases))
  }

  @Test func fixturesStaySmall() throws {
    let bytes = try FixtureStore.all.reduce(0) {
      try $0 + StoreImage(at: $1.store).byteCount + $1.expected().joined(separator: "\n").utf8.count
    }
    #expect(bytes < 420 << 10)
  }
}
