extension Tuple {
  /// The tuple whose key `bytes` is.
  ///
  /// Only what ``encoded()`` writes is accepted: encoding the result gives `bytes` again.
  /// - Throws: ``TupleError`` when `bytes` is no tuple's encoding. Bytes that were truncated between two
  ///   elements are the encoding of a shorter tuple, and are accepted.
  public init(decoding bytes: [UInt8]) throws(TupleError) {
    var reader = TupleReader(bytes: bytes)
    var elements: [TupleElement] = []
    while let element = try reader.next() { elements.append(element) }
    self.elements = elements
  }
}

/// Reads one element after the other from bytes that nobody vouches for.
private struct TupleReader {
  let bytes: [UInt8]
  private var position = 0

  init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// The next element, or `nil` at the end.
  mutating func next() throws(TupleError) -> TupleElement? {
    guard position < bytes.count else { return nil }
    let start = position
    let code = bytes[position]
    position += 1
    switch code {
    case TupleTypeCode.bytes:
      return .bytes(try readEscaped())
    case TupleTypeCode.string:
      guard let string = String(validating: try readEscaped(), as: UTF8.self) else {
        throw TupleError(.invalidUTF8, offset: start)
      }
      return .string(string)
    case TupleTypeCode.leastInteger..<TupleTypeCode.zero:
      return .integer(try readNegative(byteCount: Int(TupleTypeCode.zero - code), start: start))
    case TupleTypeCode.zero...TupleTypeCode.greatestInteger:
      let number = try readPositive(byteCount: Int(code - TupleTypeCode.zero), start: start)
      return Int64(exactly: number).map(TupleElement.integer) ?? .unsigned(number)
    case TupleTypeCode.position:
      return .position(CommitPosition(rawValue: try readBigEndian(byteCount: 8)))
    default:
      throw TupleError(.unknownType, offset: start)
    }
  }

  /// The bytes up to the end mark, without their escapes.
  private mutating func readEscaped() throws(TupleError) -> [UInt8] {
    var result: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte > TupleEscape.escape {
        result.append(byte)
      } else if byte == TupleEscape.end {
        return result
      } else if position == bytes.count {
        break
      } else if bytes[position] == TupleEscape.escapedZero {
        result.append(0)
        position += 1
      } else if bytes[position] == TupleEscape.escapedOne {
        result.append(1)
        position += 1
      } else {
        throw TupleError(.invalidEscape, offset: position)
      }
    }
    throw TupleError(.truncated, offset: bytes.count)
  }

  private mutating func readPositive(byteCount: Int, start: Int) throws(TupleError) -> UInt64 {
    let number = try readBigEndian(byteCount: byteCount)
    guard byteCount == 0 || number >> UInt64(8 * (byteCount - 1)) != 0 else {
      throw TupleError(.notShortest, offset: start)
    }
    return number
  }

  private mutating func readNegative(byteCount: Int, start: Int) throws(TupleError) -> Int64 {
    let unusedBits = UInt64(64 - 8 * byteCount)
    let magnitude = (~(try readBigEndian(byteCount: byteCount)) << unusedBits) >> unusedBits
    guard magnitude >> UInt64(8 * (byteCount - 1)) != 0 else { throw TupleError(.notShortest, offset: start) }
    guard magnitude <= Int64.min.magnitude else { throw TupleError(.outOfRange, offset: start) }
    return Int64(truncatingIfNeeded: 0 &- magnitude)
  }

  private mutating func readBigEndian(byteCount: Int) throws(TupleError) -> UInt64 {
    guard byteCount <= bytes.count - position else { throw TupleError(.truncated, offset: bytes.count) }
    var number: UInt64 = 0
    for _ in 0..<byteCount {
      number = number << 8 | UInt64(bytes[position])
      position += 1
    }
    return number
  }
}
