// The bytes of a tuple are the bytes of its elements, one after the other:
//
//     element                       bytes
//     bytes                         01, the escaped bytes, 00
//     string                        02, the escaped UTF-8, 00
//     number below 0, of n bytes    14 - n, then 2^(8n) - 1 + number as n bytes, big-endian      (0C...13)
//     0                             14
//     number above 0, of n bytes    14 + n, then the number as n bytes, big-endian               (15...1C)
//     position                      33, then 8 bytes, big-endian
//
// where n is the least number of bytes that hold the number's magnitude, and escaping writes the byte 00 as
// 01 01 and the byte 01 as 01 02, so that 00 can only be the end.
//
// FoundationDB's tuple layer is the ancestor, and the type codes of bytes, strings and numbers are its. Its
// escape is not used: it writes 00 as 00 FF, so "a" (02 61 00) begins "a\0" (02 61 00 FF 00), and a scan by
// prefix would find both. Here no element's encoding begins another's.

/// The first byte of each type of element.
enum TupleTypeCode {
  static let bytes: UInt8 = 0x01
  static let string: UInt8 = 0x02
  static let leastInteger: UInt8 = 0x0C
  static let zero: UInt8 = 0x14
  static let greatestInteger: UInt8 = 0x1C
  static let position: UInt8 = 0x33
}

/// What stands for the bytes 00 and 01 within bytes and strings.
enum TupleEscape {
  static let end: UInt8 = 0x00
  static let escape: UInt8 = 0x01
  static let escapedZero: UInt8 = 0x01
  static let escapedOne: UInt8 = 0x02
}

extension Tuple {
  /// The tuple's key.
  ///
  /// A number takes 1 to 9 bytes; a position 9; bytes and strings their length and 2, and one more for each
  /// byte 00 or 01.
  public func encoded() -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(elements.reduce(0) { $0 + $1.encodedSizeEstimate })
    for element in elements { result.append(encoding: element) }
    return result
  }
}

extension TupleElement {
  /// Exact but for escaped bytes.
  fileprivate var encodedSizeEstimate: Int {
    switch self {
    case .bytes(let bytes): bytes.count + 2
    case .string(let string): string.utf8.count + 2
    case .integer, .unsigned, .position: 9
    }
  }
}

extension [UInt8] {
  fileprivate mutating func append(encoding element: TupleElement) {
    switch element {
    case .bytes(let bytes):
      append(TupleTypeCode.bytes)
      bytes.withUnsafeBufferPointer { append(escaping: $0) }
    case .string(var string):
      append(TupleTypeCode.string)
      string.withUTF8 { append(escaping: $0) }
    case .integer(let number):
      if number < 0 {
        append(integer: number.magnitude, isNegative: true)
      } else {
        append(integer: UInt64(number), isNegative: false)
      }
    case .unsigned(let number):
      append(integer: number, isNegative: false)
    case .position(let position):
      append(TupleTypeCode.position)
      append(bigEndian: position.rawValue, byteCount: 8)
    }
  }

  /// Appends runs of ordinary bytes whole, and each byte 00 or 01 escaped; then the end.
  private mutating func append(escaping bytes: UnsafeBufferPointer<UInt8>) {
    var runStart = 0
    for (index, byte) in bytes.enumerated() where byte <= TupleEscape.escape {
      append(contentsOf: bytes[runStart..<index])
      append(TupleEscape.escape)
      append(byte == 0 ? TupleEscape.escapedZero : TupleEscape.escapedOne)
      runStart = index + 1
    }
    append(contentsOf: bytes[runStart...])
    append(TupleEscape.end)
  }

  private mutating func append(integer magnitude: UInt64, isNegative: Bool) {
    let byteCount = (64 - magnitude.leadingZeroBitCount + 7) / 8
    if isNegative {
      append(TupleTypeCode.zero - UInt8(byteCount))
      append(bigEndian: ~magnitude, byteCount: byteCount)
    } else {
      append(TupleTypeCode.zero + UInt8(byteCount))
      append(bigEndian: magnitude, byteCount: byteCount)
    }
  }

  /// Appends the `byteCount` low bytes of a number, the most significant first.
  private mutating func append(bigEndian number: UInt64, byteCount: Int) {
    for index in (0..<byteCount).reversed() {
      append(UInt8(truncatingIfNeeded: number >> UInt64(8 * index)))
    }
  }
}
