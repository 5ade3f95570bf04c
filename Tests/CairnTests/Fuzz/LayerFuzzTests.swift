import FuzzKit
import Testing

/// Whatever the bytes of a key, a record or a payload are: a value, or a typed error. See CONTRIBUTING.md.
@Suite struct LayerFuzzTests {
  private static let targets: [any FuzzTarget.Type] = [
    CBORFuzz.self, TypedCBORFuzz.self, RecordFuzz.self, TupleFuzz.self,
  ]

  @Test(arguments: targets.map { $0.name }) func fuzz(name: String) throws {
    for target in Self.targets where target.name == name { try FuzzCampaign().run(target) }
  }
}
