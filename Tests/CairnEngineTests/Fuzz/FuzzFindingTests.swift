import CairnKV
import Testing

@testable import CairnEngine

/// What fuzzing has found, each with the bytes that showed it.
@Suite struct FuzzFindingTests {
  /// Two origins whose records, with their places in the index, take 2⁶⁴ bytes: the sum trapped.
  @Test func valueFileOfMoreBytesThanThereAre() {
    var bytes: [UInt8] = [2, 0, 2]
    for (origin, count, stored) in [(1, 1, 1 << 63 - 4121), (2, UInt64(UInt32.max), 1 << 63 - 1)]
      as [(
        UInt64, UInt64, UInt64
      )]
    {
      for number in [origin, count, stored] { bytes.append(varint: number) }
    }
    #expect(bytes.withUnsafeBytes { ValueFileProperties(decoding: $0) } == nil)
    let edit: [UInt8] = [8, UInt8(bytes.count)] + bytes
    #expect(edit.withUnsafeBytes { VersionEdit(decoding: $0) } == nil)
  }

  /// Blocks in the middle of a segment held keys past its bounds, which were read without an error unless the last block
  /// was read, too: a look-up passed over keys that a scan showed.
  @Test func blockOutOfBoundsBeforeTheLast() throws {
    let entries = [0x61, 0x62, 0x63, 0x64].map {
      ModelEntry(key: [$0], trailer: EntryTrailer(sequence: 1, kind: .value), value: [$0])
    }
    let bytes = try SegmentModel(entries: entries).bytes(options: SegmentOptions(blockBytes: 20))
    var image = try SegmentImage(bytes, number: SegmentSeeds.number)
    #expect(image.data.count == 4)
    var properties = try #require(image.parts[.properties])
    // Up to "b" instead of "d".
    properties.payload[properties.payload.count - 1] = 0x62
    properties.stored = nil
    image.parts[.properties] = properties
    let error = #expect(throws: StorageError.self) { try SegmentReader(image.encoded()) }
    #expect(error?.code == .corruption && error?.message.contains("bounds") == true)
  }
}
