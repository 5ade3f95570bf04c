extension Tuple {
  /// How many bytes the first `count` elements of the key `bytes` take; `nil` when it has fewer.
  ///
  /// Only where each element ends is looked at: bytes and strings at their end mark, the others by their
  /// type code. What an element holds is not checked, so this may find elements in bytes that do not decode.
  /// The answer depends on the bytes of those elements alone: whatever begins with them has the same.
  /// Costs a pass over them.
  public static func prefixLength(of bytes: UnsafeRawBufferPointer, elements count: Int) -> Int? {
    var position = 0
    for _ in 0..<count {
      guard position < bytes.count else { return nil }
      let code = bytes[position]
      position += 1
      switch code {
      case TupleTypeCode.bytes, TupleTypeCode.string:
        while position < bytes.count && bytes[position] != TupleEscape.end { position += 1 }
        position += 1
      case TupleTypeCode.leastInteger..<TupleTypeCode.zero: position += Int(TupleTypeCode.zero - code)
      case TupleTypeCode.zero...TupleTypeCode.greatestInteger: position += Int(code - TupleTypeCode.zero)
      case TupleTypeCode.position: position += 8
      default: return nil
      }
      guard position <= bytes.count else { return nil }
    }
    return position
  }
}
