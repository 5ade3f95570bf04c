import Cairn
import CairnShims
import SampleRecords

extension MicroWorkload {
  /// What needs no store.
  static var encodings: [MicroWorkload] {
    [
      MicroWorkload("cbor-encode-wide", "CBOR: a record of 320 fields encoded", each: "record", (20, 220)) {
        let (record, encoder) = (WideRecord(), CBOREncoder())
        return { _ in use(try encoder.encode(record)) }
      },
      MicroWorkload("cbor-decode-wide", "CBOR: the same decoded", each: "record", (20, 220)) {
        let decoder = CBORDecoder()
        let bytes = try CBOREncoder().encode(WideRecord())
        return { _ in use(try decoder.decode(WideRecord.self, from: bytes)) }
      },
      MicroWorkload(
        "cbor-encode-list", "CBOR: a list of 100 small records encoded", each: "record", units: 100, (10, 110)
      ) {
        let (records, encoder) = (SmallRecord.list(100), CBOREncoder())
        return { _ in use(try encoder.encode(records)) }
      },
      MicroWorkload("cbor-decode-list", "CBOR: the same decoded", each: "record", units: 100, (10, 110)) {
        let decoder = CBORDecoder()
        let bytes = try CBOREncoder().encode(SmallRecord.list(100))
        return { _ in use(try decoder.decode([SmallRecord].self, from: bytes)) }
      },
      MicroWorkload("tuple-encode", "key of two texts and a number encoded", each: "key", (1000, 21_000)) {
        return { index in use(Tuple("timelines", "batch-7", .integer(Int64(index))).encoded()) }
      },
      MicroWorkload("tuple-decode", "the same decoded", each: "key", (1000, 21_000)) {
        let bytes = Tuple("timelines", "batch-7", 123_456).encoded()
        return { _ in use(try Tuple(decoding: bytes)) }
      },
      // The engine's own function, through the C module that the package's libraries bring along.
      MicroWorkload("crc32c", "CRC-32C of 4 KiB", each: "KiB", units: 4, (1000, 21_000)) {
        guard cairn_crc32c_hardware_available() else { throw NoHardware() }
        let bytes = [UInt8](repeating: 7, count: 4096)
        return { index in
          bytes.withUnsafeBytes { use(cairn_crc32c_hardware(UInt32(index), $0.baseAddress, $0.count)) }
        }
      },
    ]
  }

  private struct NoHardware: Error {}
}
