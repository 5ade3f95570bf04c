extension CBORWriter {
  /// Writes values that have a form of their own, and says whether `value` is one.
  @inline(__always)
  func writeDirectly<Value>(_ value: Value) -> Bool {
    if Value.self == String.self {
      write(identityCast(value, to: String.self))
    } else if Value.self == Int.self {
      write(integer: identityCast(value, to: Int.self))
    } else if Value.self == Double.self {
      write(identityCast(value, to: Double.self))
    } else if Value.self == [UInt8].self {
      write(byteString: identityCast(value, to: [UInt8].self))
    } else if Value.self == [String].self {
      let array = identityCast(value, to: [String].self)
      write(head: CBORMajor.array, UInt64(array.count))
      for element in array { write(element) }
    } else if Value.self == [Int].self {
      let array = identityCast(value, to: [Int].self)
      write(head: CBORMajor.array, UInt64(array.count))
      for element in array { write(integer: element) }
    } else if Value.self == [Double].self {
      let array = identityCast(value, to: [Double].self)
      write(head: CBORMajor.array, UInt64(array.count))
      for element in array { write(element) }
    } else if Value.self == ContiguousArray<UInt8>.self {
      write(byteString: identityCast(value, to: ContiguousArray<UInt8>.self))
    } else {
      return false
    }
    return true
  }

  /// The head of an item: its major type and its argument in the fewest bytes (RFC 8949 §4.2.1).
  @inline(__always)
  func write(head major: UInt8, _ argument: UInt64) {
    if argument < 24 {
      bytes.append(major << 5 | UInt8(truncatingIfNeeded: argument))
    } else {
      writeLong(head: major, argument)
    }
  }

  private func writeLong(head major: UInt8, _ argument: UInt64) {
    write(CBORHead(major, argument))
  }

  private func write(_ head: CBORHead) {
    for index in 0..<head.byteCount { bytes.append(head[index]) }
  }

  /// Writes a 128-bit integer, if CBOR has it: from -2^64 up to 2^64 - 1.
  func write<Number: FixedWidthInteger>(wide number: Number) throws {
    guard UInt64(exactly: number < 0 ? ~number : number) != nil else {
      throw misuse("CBOR has no integer as far from zero as \(number)")
    }
    write(integer: number)
  }

  /// Writes an integer of at most 64 bits, or one that needs no more.
  @inline(__always)
  func write<Number: FixedWidthInteger>(integer number: Number) {
    let isNegative = number < 0
    write(
      head: isNegative ? CBORMajor.negative : CBORMajor.unsigned,
      UInt64(truncatingIfNeeded: isNegative ? ~number : number))
  }

  @inline(__always)
  func write(_ value: Bool) {
    bytes.append(value ? CBORByte.true : CBORByte.false)
  }

  func writeNull() {
    bytes.append(CBORByte.null)
  }

  @inline(__always)
  func write(_ text: String) {
    var text = text
    text.withUTF8 { write(head: CBORMajor.text, bytes: $0) }
  }

  @inline(__always)
  private func write(head major: UInt8, bytes source: UnsafeBufferPointer<UInt8>) {
    write(head: major, UInt64(source.count))
    if let start = source.baseAddress { bytes.append(from: start, count: source.count) }
  }

  func write<Bytes: Sequence<UInt8>>(byteString source: Bytes) {
    if source.withContiguousStorageIfAvailable({ write(head: CBORMajor.bytes, bytes: $0) }) != nil { return }
    Array(source).withUnsafeBufferPointer { write(head: CBORMajor.bytes, bytes: $0) }
  }

  /// The shortest float that has the value (RFC 8949 §4.2.2).
  func write(_ value: Double) {
    let single = Float(value)
    if Double(single) == value || value.isNaN {
      write(single)
    } else {
      write(CBORHead(double: value))
    }
  }

  func write(_ value: Float) {
    if value.isNaN {
      write(CBORHead(half: CBORHalf.notANumber))
    } else if let half = CBORHalf.bits(exactly: value) {
      write(CBORHead(half: half))
    } else {
      write(CBORHead(single: value))
    }
  }
}

/// A value as what it is known to be. The caller has compared the metatypes, so the memory has that type.
@inline(__always)
func identityCast<Value, Known>(_ value: Value, to: Known.Type) -> Known {
  assert(Value.self == Known.self)
  return unsafeBitCast(value, to: Known.self)
}
