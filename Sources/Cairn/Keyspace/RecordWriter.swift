import CairnKV

/// Writes a record of the layer: one CBOR array, deterministically encoded (RFC 8949, section 4.2.1), whose
/// first item is the record's format number. `format-spec.md` lists the items of each kind of record.
struct RecordWriter {
  private(set) var bytes: [UInt8] = []
  private var positionOffset: Int?
  private var addend: UInt32 = 0

  /// Begins a record with `fieldCount` items after the format number.
  init(format: UInt64, fieldCount: Int) {
    head(4, UInt64(fieldCount) + 1)
    unsigned(format)
  }

  mutating func unsigned(_ value: UInt64) {
    head(0, value)
  }

  mutating func signed(_ value: Int64) {
    if value >= 0 {
      head(0, UInt64(value))
    } else {
      head(1, UInt64(bitPattern: ~value))
    }
  }

  mutating func null() {
    bytes.append(0xF6)
  }

  mutating func byteString(_ value: [UInt8]) {
    bytes.reserveCapacity(bytes.count + value.count + 9)
    head(2, UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  mutating func text(_ value: String) {
    head(3, UInt64(value.utf8.count))
    bytes.append(contentsOf: value.utf8)
  }

  /// A map of texts, in the order that deterministic encoding asks for: that of the encoded keys' bytes,
  /// which is shorter keys first, then by bytes. Keys that are equal to `String` are one key.
  mutating func texts(_ values: [String: String]) {
    head(5, UInt64(values.count))
    for (key, value) in values.sorted(by: { RecordOrder.precedes($0.key, $1.key) }) {
      text(key)
      text(value)
    }
  }

  /// The commit's own position plus `addend`: a byte string of eight, big-endian. One a record.
  ///
  /// It is not a CBOR number, since the bytes are filled in when the value's shortest form is not known yet.
  mutating func position(addend: UInt32) {
    head(2, 8)
    positionOffset = bytes.count
    self.addend = addend
  }

  /// The record, with its position to be filled in.
  func commitOrdered() -> CommitOrderedBytes {
    guard let positionOffset else { return CommitOrderedBytes(bytes) }
    return CommitOrderedBytes(
      prefix: Array(bytes[..<positionOffset]), addend: addend, suffix: Array(bytes[positionOffset...]))
  }

  /// A CBOR head in its shortest form (RFC 8949, section 3).
  private mutating func head(_ majorType: UInt8, _ argument: UInt64) {
    let type = majorType << 5
    switch argument {
    case 0..<24:
      bytes.append(type | UInt8(argument))
    case ...0xFF:
      bytes.append(type | 24)
      bigEndian(argument, byteCount: 1)
    case ...0xFFFF:
      bytes.append(type | 25)
      bigEndian(argument, byteCount: 2)
    case ...0xFFFF_FFFF:
      bytes.append(type | 26)
      bigEndian(argument, byteCount: 4)
    default:
      bytes.append(type | 27)
      bigEndian(argument, byteCount: 8)
    }
  }

  private mutating func bigEndian(_ value: UInt64, byteCount: Int) {
    for index in (0..<byteCount).reversed() {
      bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))))
    }
  }
}

/// The order of a map's keys in a record.
enum RecordOrder {
  static func precedes(_ left: String, _ right: String) -> Bool {
    let (leftCount, rightCount) = (left.utf8.count, right.utf8.count)
    return leftCount != rightCount ? leftCount < rightCount : left.utf8.lexicographicallyPrecedes(right.utf8)
  }
}
