import CairnKV

/// Why bytes are not a record.
struct RecordDefect: Error {
  let reason: String
}

/// Reads what ``RecordWriter`` writes, and refuses everything else: other forms of the same values, other
/// numbers of items, bytes that follow. No field is trusted with more than the bytes that are there.
struct RecordReader: ~Escapable {
  private let bytes: RawSpan
  private var offset = 0

  /// Begins a record that should be of this format, with `fieldCount` items after the format number.
  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, format: UInt64, fieldCount: Int) throws(RecordDefect) {
    self.bytes = bytes
    let itemCount = try head(4, "a record")
    let found = try unsigned("the format number")
    guard found == format else {
      throw RecordDefect(reason: "its format is \(found), and \(format) is the one known")
    }
    guard itemCount == UInt64(fieldCount) + 1 else {
      throw RecordDefect(reason: "it has \(itemCount) items, and should have \(fieldCount + 1)")
    }
  }

  /// Ends the record: nothing may follow.
  func end() throws(RecordDefect) {
    guard offset == bytes.byteCount else {
      throw RecordDefect(
        reason: "\(bytes.byteCount - offset) bytes follow the record's end at byte \(offset)")
    }
  }

  mutating func unsigned(_ field: String) throws(RecordDefect) -> UInt64 {
    try head(0, field)
  }

  /// A number from 1.
  mutating func ordinal(_ field: String) throws(RecordDefect) -> UInt64 {
    let value = try head(0, field)
    guard value > 0 else { throw RecordDefect(reason: "\(field) is 0, and such numbers begin at 1") }
    return value
  }

  mutating func signed(_ field: String) throws(RecordDefect) -> Int64 {
    let isNegative = offset < bytes.byteCount && byte(at: offset) >> 5 == 1
    guard let value = Int64(exactly: try head(isNegative ? 1 : 0, field)) else {
      throw RecordDefect(reason: "\(field) does not fit 64 bits with a sign")
    }
    return isNegative ? ~value : value
  }

  /// Whether the next item is null; if it is, goes past it.
  mutating func null() -> Bool {
    guard offset < bytes.byteCount, byte(at: offset) == 0xF6 else { return false }
    offset += 1
    return true
  }

  mutating func byteString(_ field: String) throws(RecordDefect) -> [UInt8] {
    bytes.extracting(try take(head(2, field), field)).withUnsafeBytes { [UInt8]($0) }
  }

  mutating func text(_ field: String) throws(RecordDefect) -> String {
    let range = try take(head(3, field), field)
    guard
      let text = bytes.extracting(range).withUnsafeBytes({ String(validating: $0, as: UTF8.self) })
    else {
      throw RecordDefect(reason: "\(field) is not UTF-8")
    }
    return text
  }

  mutating func texts(_ field: String) throws(RecordDefect) -> [String: String] {
    let count = try head(5, field)
    var result: [String: String] = [:]
    var previous: String?
    // Each entry takes at least two bytes, so that a count that lies ends with the input.
    for _ in 0..<count {
      let key = try text(field)
      if let previous, !RecordOrder.precedes(previous, key) {
        throw RecordDefect(reason: "the keys of \(field) are not in order")
      }
      previous = key
      guard result.updateValue(try text(field), forKey: key) == nil else {
        throw RecordDefect(reason: "\(field) has a key twice")
      }
    }
    return result
  }

  mutating func position(_ field: String) throws(RecordDefect) -> CommitPosition {
    let range = try take(head(2, field), field)
    guard range.count == 8 else { throw RecordDefect(reason: "\(field) is not eight bytes long") }
    return CommitPosition(rawValue: number(in: range))
  }

  private mutating func take(_ count: UInt64, _ field: String) throws(RecordDefect) -> Range<Int> {
    guard count <= UInt64(bytes.byteCount - offset) else {
      throw RecordDefect(reason: "\(field) reaches past the record's end")
    }
    let end = offset + Int(count)
    defer { offset = end }
    return offset..<end
  }

  /// A byte that is there.
  private func byte(at offset: Int) -> UInt8 { bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

  /// The big-endian number that at most eight bytes are, which are there.
  private func number(in range: Range<Int>) -> UInt64 {
    range.reduce(0) { $0 << 8 | UInt64(byte(at: $1)) }
  }

  /// The argument of a CBOR head of this major type, in its shortest form (RFC 8949, section 3).
  private mutating func head(_ majorType: UInt8, _ field: String) throws(RecordDefect) -> UInt64 {
    let initial = byte(at: try take(1, field).lowerBound)
    guard initial >> 5 == majorType else {
      throw RecordDefect(reason: "\(field) is not of CBOR major type \(majorType)")
    }
    let information = initial & 0x1F
    guard information >= 24 else { return UInt64(information) }
    guard information <= 27 else {
      throw RecordDefect(reason: "\(field) has a length that CBOR reserves or leaves open")
    }
    let byteCount = 1 << UInt64(information - 24)
    let value = number(in: try take(UInt64(byteCount), field))
    let least: [UInt64] = [24, 1 << 8, 1 << 16, 1 << 32]
    guard value >= least[Int(information) - 24] else {
      throw RecordDefect(reason: "\(field) is longer than it need be")
    }
    return value
  }
}
