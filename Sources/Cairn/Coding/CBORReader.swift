/// Bytes that hold one validated value, and reads from them by the offset of an item.
///
/// Invariant that makes the unchecked reads sound: the bytes passed ``CBORValidator`` and never change, and
/// an `offset` is always that of an item: 0, or one that this type's methods found by walking from there.
/// The bytes are a copy of the input, since a type may keep its decoder for longer than the call.
final class CBORReader {
  let base: UnsafeRawPointer
  let count: Int
  let userInfo: [CodingUserInfoKey: any Sendable]
  private let memory: UnsafeMutableRawPointer

  init(validating input: [UInt8], userInfo: [CodingUserInfoKey: any Sendable]) throws(CodingFailure) {
    memory = .allocate(byteCount: max(input.count, 1), alignment: 8)
    base = UnsafeRawPointer(memory)
    count = input.count
    self.userInfo = userInfo
    input.withUnsafeBytes {
      if let start = $0.baseAddress { memory.copyMemory(from: start, byteCount: $0.count) }
    }
    try CBORValidator.validate(UnsafeRawBufferPointer(start: base, count: count))
  }

  deinit {
    memory.deallocate()
  }

  /// An item's first bytes.
  struct Head {
    let major: UInt8
    /// The number, the length, or the bits of a float or simple value.
    let argument: UInt64
    /// The offset of what follows the head.
    let next: Int
  }

  @inline(__always)
  func byte(at offset: Int) -> UInt8 {
    base.load(fromByteOffset: offset, as: UInt8.self)
  }

  @inline(__always)
  func head(at offset: Int) -> Head {
    let first = byte(at: offset)
    if first & 31 < 24 { return Head(major: first >> 5, argument: UInt64(first & 31), next: offset + 1) }
    return longHead(first, at: offset)
  }

  private func longHead(_ first: UInt8, at offset: Int) -> Head {
    let (argument, byteCount): (UInt64, Int) =
      switch first & 31 {
      case 24: (UInt64(byte(at: offset + 1)), 1)
      case 25: (UInt64(UInt16(bigEndian: base.loadUnaligned(fromByteOffset: offset + 1, as: UInt16.self))), 2)
      case 26: (UInt64(UInt32(bigEndian: base.loadUnaligned(fromByteOffset: offset + 1, as: UInt32.self))), 4)
      default: (UInt64(bigEndian: base.loadUnaligned(fromByteOffset: offset + 1, as: UInt64.self)), 8)
      }
    return Head(major: first >> 5, argument: argument, next: offset + 1 + byteCount)
  }

  /// The offset just past the item at `offset`: one step for each item in it, and no recursion.
  @inline(__always)
  func end(ofItemAt offset: Int) -> Int {
    let head = head(at: offset)
    switch head.major {
    case CBORMajor.bytes, CBORMajor.text: return head.next + Int(head.argument)
    case CBORMajor.array: return end(ofItems: Int(head.argument), at: head.next)
    case CBORMajor.map: return end(ofItems: 2 * Int(head.argument), at: head.next)
    default: return head.next
    }
  }

  private func end(ofItems count: Int, at offset: Int) -> Int {
    var remaining = count
    var position = offset
    while remaining > 0 {
      let head = head(at: position)
      position = head.next
      remaining -= 1
      switch head.major {
      case CBORMajor.bytes, CBORMajor.text: position += Int(head.argument)
      case CBORMajor.array: remaining += Int(head.argument)
      case CBORMajor.map: remaining += 2 * Int(head.argument)
      default: break
      }
    }
    return position
  }

  /// The text of `length` bytes from `offset`.
  @inline(__always)
  func text(at offset: Int, length: Int) -> String {
    String(
      decoding: UnsafeBufferPointer(
        start: (base + offset).assumingMemoryBound(to: UInt8.self), count: length), as: UTF8.self)
  }
}

// MARK: - Values

extension CBORReader {
  func isNull(at offset: Int) -> Bool {
    byte(at: offset) == CBORByte.null
  }

  @inline(__always)
  func bool(at offset: Int) throws -> Bool {
    let first = byte(at: offset)
    guard first == CBORByte.true || first == CBORByte.false else { throw mismatch(Bool.self, at: offset) }
    return first == CBORByte.true
  }

  @inline(__always)
  func integer<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) throws -> Number {
    let head = head(at: offset)
    if head.major == CBORMajor.unsigned, let number = Number(exactly: head.argument) { return number }
    if head.major == CBORMajor.negative, Number.isSigned, let number = Number(exactly: head.argument) {
      return ~number
    }
    throw mismatch(type, at: offset)
  }

  @inline(__always)
  func string(at offset: Int) throws -> String {
    let head = head(at: offset)
    guard head.major == CBORMajor.text else { throw mismatch(String.self, at: offset) }
    return text(at: head.next, length: Int(head.argument))
  }

  /// A float of any size, or an integer that a `Double` holds exactly.
  func double(at offset: Int) throws -> Double {
    let head = head(at: offset)
    switch (byte(at: offset), head.major) {
    case (CBORByte.half, _): return Double(CBORHalf.value(UInt16(truncatingIfNeeded: head.argument)))
    case (CBORByte.single, _): return Double(Float(bitPattern: UInt32(truncatingIfNeeded: head.argument)))
    case (CBORByte.double, _): return Double(bitPattern: head.argument)
    case (_, CBORMajor.unsigned):
      if let number = Double(exactly: head.argument) { return number }
    case (_, CBORMajor.negative):
      if head.argument < UInt64.max, let number = Double(exactly: head.argument + 1) { return -number }
    default: break
    }
    throw mismatch(Double.self, at: offset)
  }

  /// A number that a `Float` holds exactly.
  func float(at offset: Int) throws -> Float {
    let value = try double(at: offset)
    guard value.isNaN || Double(Float(value)) == value else { throw mismatch(Float.self, at: offset) }
    return Float(value)
  }

  /// The contents of a byte string, or `nil` when the item is none.
  func byteString(at offset: Int) -> [UInt8]? {
    let head = head(at: offset)
    guard head.major == CBORMajor.bytes else { return nil }
    return [UInt8](UnsafeRawBufferPointer(start: base + head.next, count: Int(head.argument)))
  }

  /// The elements of an array, each read by `read`. It holds no more elements than the input has bytes.
  @inline(__always)
  func array<Element>(at offset: Int, _ read: (Int) throws -> Element) throws -> [Element] {
    let head = head(at: offset)
    guard head.major == CBORMajor.array else { throw mismatch([Element].self, at: offset) }
    var result: [Element] = []
    result.reserveCapacity(Int(head.argument))
    var position = head.next
    for _ in 0..<Int(head.argument) {
      result.append(try read(position))
      position = end(ofItemAt: position)
    }
    return result
  }

  /// A value of any type: those with a form of their own directly, any other through its `init(from:)`.
  func value<Value: Decodable>(_ type: Value.Type, at offset: Int, depth: Int) throws -> Value {
    if type == String.self {
      return identityCast(try string(at: offset), to: type)
    } else if type == Int.self {
      return identityCast(try integer(Int.self, at: offset), to: type)
    } else if type == Double.self {
      return identityCast(try double(at: offset), to: type)
    } else if type == [String].self {
      return identityCast(try array(at: offset) { try string(at: $0) }, to: type)
    } else if type == [Int].self {
      return identityCast(try array(at: offset) { try integer(Int.self, at: $0) }, to: type)
    } else if type == [Double].self {
      return identityCast(try array(at: offset) { try double(at: $0) }, to: type)
    } else if type == [UInt8].self {
      if let bytes = byteString(at: offset) { return identityCast(bytes, to: type) }
    } else if type == ContiguousArray<UInt8>.self {
      if let bytes = byteString(at: offset) { return identityCast(ContiguousArray(bytes), to: type) }
    }
    guard depth < CBORLimits.nesting else {
      throw CodingFailure(
        .tooDeep, "values lie more than \(CBORLimits.nesting) deep in one another",
        path: path(to: offset).joinedPath, offset: offset)
    }
    return try Value(from: CBORDecoding(reader: self, offset: offset, depth: depth + 1))
  }
}

// MARK: - Errors

extension CBORReader {
  /// The keys and indices that lead to the item at `offset`, found by walking there: only errors pay for
  /// paths.
  func path(to offset: Int) -> [any CodingKey] {
    var result: [any CodingKey] = []
    var position = 0
    descent: while position < offset {
      let head = head(at: position)
      let isMap = head.major == CBORMajor.map
      guard isMap || head.major == CBORMajor.array else { break }
      position = head.next
      for index in 0..<Int(head.argument) {
        let keyOffset = position
        if isMap { position = end(ofItemAt: position) }
        let end = end(ofItemAt: position)
        if offset < end {
          let key = isMap ? (try? string(at: keyOffset)).map(CBORPathKey.init(stringValue:)) : nil
          result.append(key ?? CBORPathKey(intValue: index))
          continue descent
        }
        position = end
      }
      break
    }
    return result
  }

  func mismatch(_ type: any Any.Type, at offset: Int) -> DecodingError {
    let context = context("expected \(type), found \(kind(at: offset))", at: offset)
    return isNull(at: offset) ? .valueNotFound(type, context) : .typeMismatch(type, context)
  }

  func context(_ message: String, at offset: Int) -> DecodingError.Context {
    DecodingError.Context(
      codingPath: path(to: offset), debugDescription: message, underlyingError: CBORLocation(offset: offset))
  }

  private func kind(at offset: Int) -> String {
    let head = head(at: offset)
    return switch (head.major, byte(at: offset)) {
    case (CBORMajor.unsigned, _): "the integer \(head.argument)"
    case (CBORMajor.negative, _): "the integer -1 - \(head.argument)"
    case (CBORMajor.bytes, _): "a byte string"
    case (CBORMajor.text, _): "text"
    case (CBORMajor.array, _): "an array"
    case (CBORMajor.map, _): "a map"
    case (_, CBORByte.false): "false"
    case (_, CBORByte.true): "true"
    case (_, CBORByte.null): "null"
    default: "a float"
    }
  }
}
