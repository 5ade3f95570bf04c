/// Checks that bytes are exactly one deterministically encoded value, before anything is made of them.
///
/// One pass over every byte, without recursion and with memory for the levels that are open alone. What it
/// lets pass has no length beyond the end, no number or float longer than need be, no map whose keys are
/// not text in strictly ascending order, no text that is not UTF-8, no tag, no indefinite length, no more
/// than ``CBORLimits/nesting`` levels, and nothing after the value. ``CBORReader`` relies on that.
struct CBORValidator {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0
  /// The innermost array or map that is open; at first, the place of the one value.
  private var level = Level(remaining: 1, isMap: false)
  /// Those around it.
  private var outer: [Level] = []

  /// An array or a map that is being read.
  private struct Level {
    /// Items still to come; a map's keys and values count each.
    var remaining: Int
    var isMap: Bool
    /// The text of the last key: where it starts and its length. Before the first, a length of -1.
    var keyStart = 0
    var keyLength = -1
  }

  /// Throws unless `bytes` are one value, and nothing else.
  static func validate(_ bytes: UnsafeRawBufferPointer) throws(CodingFailure) {
    var validator = CBORValidator(bytes: bytes)
    try validator.run()
  }

  private init(bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  private mutating func run() throws(CodingFailure) {
    outer.reserveCapacity(16)
    while true {
      while level.remaining == 0 {
        guard let enclosing = outer.popLast() else {
          guard position == bytes.count else {
            throw failure(.malformed, "the value ends here, but the bytes go on", at: position)
          }
          return
        }
        level = enclosing
      }
      level.remaining -= 1
      if level.isMap && level.remaining & 1 == 1 {
        try readKey()
      } else {
        try readItem()
      }
    }
  }

  private mutating func readKey() throws(CodingFailure) {
    let start = position
    let (major, length) = try readHead()
    guard major == CBORMajor.text else { throw failure(.unsupported, "a map's key is not text", at: start) }
    let text = try readText(length, itemStart: start)
    if level.keyLength > text.count
      || level.keyLength == text.count && !precedes(level.keyStart, position - text.count, count: text.count)
    {
      throw failure(
        .notDeterministic, "a map's keys are not in ascending order, or one is there twice", at: start)
    }
    level.keyStart = position - text.count
    level.keyLength = text.count
  }

  private mutating func readItem() throws(CodingFailure) {
    let start = position
    let (major, argument) = try readHead()
    switch major {
    case CBORMajor.unsigned, CBORMajor.negative:
      return
    case CBORMajor.bytes:
      guard argument <= UInt64(bytes.count - position) else { throw truncated(at: start) }
      position += Int(argument)
    case CBORMajor.text:
      _ = try readText(argument, itemStart: start)
    case CBORMajor.array:
      guard argument <= UInt64(bytes.count - position) else { throw truncated(at: start) }
      try open(Level(remaining: Int(argument), isMap: false), at: start)
    case CBORMajor.map:
      guard argument <= UInt64(bytes.count - position) / 2 else { throw truncated(at: start) }
      try open(Level(remaining: 2 * Int(argument), isMap: true), at: start)
    case CBORMajor.tag:
      throw failure(.unsupported, "a tag", at: start)
    default:
      try checkSimple(bytes[start], argument, at: start)
    }
  }

  private mutating func open(_ inner: Level, at start: Int) throws(CodingFailure) {
    guard outer.count < CBORLimits.nesting else {
      throw failure(.tooDeep, "values lie more than \(CBORLimits.nesting) deep in one another", at: start)
    }
    outer.append(level)
    level = inner
  }

  private func checkSimple(_ first: UInt8, _ argument: UInt64, at start: Int) throws(CodingFailure) {
    switch first {
    case CBORByte.false, CBORByte.true, CBORByte.null:
      return
    case CBORByte.half:
      let bits = UInt16(truncatingIfNeeded: argument)
      if !CBORHalf.value(bits).isNaN || bits == CBORHalf.notANumber { return }
    case CBORByte.single:
      let value = Float(bitPattern: UInt32(truncatingIfNeeded: argument))
      if !value.isNaN && CBORHalf.bits(exactly: value) == nil { return }
    case CBORByte.double:
      let value = Double(bitPattern: argument)
      if !value.isNaN && Double(Float(value)) != value { return }
    default:
      throw failure(.unsupported, "a simple value other than false, true and null", at: start)
    }
    throw failure(.notDeterministic, "a float that has a shorter or another canonical form", at: start)
  }

  /// An item's major type and argument. For major type 7, the argument is the bits of the float or simple
  /// value.
  @inline(__always)
  private mutating func readHead() throws(CodingFailure) -> (major: UInt8, argument: UInt64) {
    guard position < bytes.count else { throw truncated(at: position) }
    let first = bytes[position]
    position += 1
    if first & 31 < 24 { return (first >> 5, UInt64(first & 31)) }
    return (first >> 5, try readArgument(first))
  }

  private mutating func readArgument(_ first: UInt8) throws(CodingFailure) -> UInt64 {
    let start = position - 1
    guard first & 31 < 28 else {
      if first & 31 < 31 { throw failure(.malformed, "no item begins with this byte", at: start) }
      throw failure(.notDeterministic, "an indefinite length", at: start)
    }
    let byteCount = 1 << Int(first & 31 - 24)
    guard byteCount <= bytes.count - position else { throw truncated(at: start) }
    var argument: UInt64 = 0
    for _ in 0..<byteCount {
      argument = argument << 8 | UInt64(bytes[position])
      position += 1
    }
    let least: UInt64 = byteCount == 1 ? 24 : 1 << UInt64(4 * byteCount)
    guard first >> 5 == CBORMajor.simple || argument >= least else {
      throw failure(.notDeterministic, "a number or length that takes more bytes than it needs", at: start)
    }
    return argument
  }

  @inline(__always)
  private mutating func readText(_ length: UInt64, itemStart: Int) throws(CodingFailure)
    -> UnsafeRawBufferPointer
  {
    guard length <= UInt64(bytes.count - position) else { throw truncated(at: itemStart) }
    let text = UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(length)])
    guard UTF8Check.isValid(text) else { throw failure(.malformed, "text that is not UTF-8", at: itemStart) }
    position += Int(length)
    return text
  }

  /// Whether the `count` bytes from `left` come before those from `right`.
  private func precedes(_ left: Int, _ right: Int, count: Int) -> Bool {
    for index in 0..<count where bytes[left + index] != bytes[right + index] {
      return bytes[left + index] < bytes[right + index]
    }
    return false
  }

  private func truncated(at offset: Int) -> CodingFailure {
    failure(.malformed, "the bytes end within this item", at: offset)
  }

  private func failure(_ code: CodingFailure.Code, _ message: String, at offset: Int) -> CodingFailure {
    CodingFailure(code, message, offset: offset)
  }
}

/// UTF-8 as the Unicode Standard has it (table 3-7): no overlong forms, no surrogates, nothing above
/// U+10FFFF.
enum UTF8Check {
  @inline(__always)
  static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let ascii = asciiPrefixLength(bytes)
    return ascii == bytes.count || isValid(bytes, from: ascii)
  }

  @inline(__always)
  private static func asciiPrefixLength(_ bytes: UnsafeRawBufferPointer) -> Int {
    var index = 0
    while bytes.count - index >= 8 {
      if bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 != 0 {
        return index
      }
      index += 8
    }
    while index < bytes.count && bytes[index] < 0x80 { index += 1 }
    return index
  }

  private static func isValid(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Bool {
    var index = start
    while index < bytes.count {
      let first = bytes[index]
      let second: ClosedRange<UInt8>
      let length: Int
      switch first {
      case 0x00...0x7F:
        index += 1
        continue
      case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
      case 0xE0: (length, second) = (3, 0xA0...0xBF)
      case 0xE1...0xEC, 0xEE...0xEF: (length, second) = (3, 0x80...0xBF)
      case 0xED: (length, second) = (3, 0x80...0x9F)
      case 0xF0: (length, second) = (4, 0x90...0xBF)
      case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
      case 0xF4: (length, second) = (4, 0x80...0x8F)
      default: return false
      }
      guard bytes.count - index >= length, second.contains(bytes[index + 1]) else { return false }
      for continuation in 2..<max(length, 2) where bytes[index + continuation] & 0xC0 != 0x80 { return false }
      index += length
    }
    return true
  }
}
