import FuzzKit
import Testing

/// Whatever the bytes of a file are, also with checksums that fit: a value, or a typed error. See CONTRIBUTING.md.
@Suite struct EngineFuzzTests {
  private static let targets: [any FuzzTarget.Type] = [
    SegmentFuzz.self, StoreReadFuzz.self, StoreVerifyFuzz.self, StoreOpenFuzz.self, StoreRepairFuzz.self,
    LogFuzz.self, ValueFileFuzz.self, EditFuzz.self, BlockFuzz.self, StoredBlockFuzz.self, BatchFuzz.self,
    RangeRemovalFuzz.self, FilterFuzz.self, PropertiesFuzz.self, SegmentFooterFuzz.self, ValueFooterFuzz.self,
    ValueCodesFuzz.self, HeaderPageFuzz.self,
  ]

  @Test(arguments: targets.map { $0.name }) func fuzz(name: String) throws {
    for target in Self.targets where target.name == name { try FuzzCampaign().run(target) }
  }
}
