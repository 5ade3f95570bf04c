// What a type's `init(from:)` sees: views of the items of a `CBORReader`, named by their offsets.

/// The decoder handed to a value.
struct CBORDecoding: Decoder {
  let reader: CBORReader
  let offset: Int
  let depth: Int

  var codingPath: [any CodingKey] { reader.path(to: offset) }
  var userInfo: [CodingUserInfoKey: Any] { reader.userInfo }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard reader.head(at: offset).major == CBORMajor.map else {
      throw reader.mismatch([String: Any].self, at: offset)
    }
    return KeyedDecodingContainer(
      CBORKeyedDecodingContainer<Key>(table: CBORFieldTable(reader, mapAt: offset), depth: depth))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try CBORUnkeyedDecodingContainer(reader: reader, offset: offset, depth: depth)
  }

  func singleValueContainer() -> any SingleValueDecodingContainer {
    CBORSingleValueDecodingContainer(reader: reader, offset: offset, depth: depth)
  }
}

/// A map.
struct CBORKeyedDecodingContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let table: CBORFieldTable
  let depth: Int

  var codingPath: [any CodingKey] { table.reader.path(to: table.offset) }
  var allKeys: [Key] { table.keys.compactMap(Key.init(stringValue:)) }

  func contains(_ key: Key) -> Bool {
    table.find(key.stringValue) != nil
  }

  @inline(__always)
  private func offset(of key: some CodingKey) throws -> Int {
    guard let offset = table.find(key.stringValue) else {
      throw DecodingError.keyNotFound(
        key, table.reader.context("there is no field \(key.stringValue)", at: table.offset))
    }
    return offset
  }

  /// The offset of a value that is there and not null.
  @inline(__always)
  private func presentOffset(of key: Key) -> Int? {
    guard let offset = table.find(key.stringValue), !table.reader.isNull(at: offset) else { return nil }
    return offset
  }

  func decodeNil(forKey key: Key) throws -> Bool {
    table.reader.isNull(at: try offset(of: key))
  }

  func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
    try table.reader.bool(at: try offset(of: key))
  }

  func decode(_ type: String.Type, forKey key: Key) throws -> String {
    try table.reader.string(at: try offset(of: key))
  }

  func decode(_ type: Double.Type, forKey key: Key) throws -> Double {
    try table.reader.double(at: try offset(of: key))
  }

  func decode(_ type: Float.Type, forKey key: Key) throws -> Float {
    try table.reader.float(at: try offset(of: key))
  }

  func decode(_ type: Int.Type, forKey key: Key) throws -> Int {
    try table.reader.integer(type, at: try offset(of: key))
  }

  func decode<Number: FixedWidthInteger & Decodable>(_ type: Number.Type, forKey key: Key) throws -> Number {
    try table.reader.integer(type, at: try offset(of: key))
  }

  func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 {
    try table.reader.integer(type, at: try offset(of: key))
  }

  func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 {
    try table.reader.integer(type, at: try offset(of: key))
  }

  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    try table.reader.value(type, at: try offset(of: key), depth: depth)
  }

  // The default implementations, which serve the rarer integers, look a key up three times.

  func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? {
    try presentOffset(of: key).map { try table.reader.bool(at: $0) }
  }

  func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
    try presentOffset(of: key).map { try table.reader.string(at: $0) }
  }

  func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? {
    try presentOffset(of: key).map { try table.reader.double(at: $0) }
  }

  func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? {
    try presentOffset(of: key).map { try table.reader.float(at: $0) }
  }

  func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? {
    try presentOffset(of: key).map { try table.reader.integer(type, at: $0) }
  }

  func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? {
    try presentOffset(of: key).map { try table.reader.integer(type, at: $0) }
  }

  func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? {
    try presentOffset(of: key).map { try table.reader.integer(type, at: $0) }
  }

  func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
    try presentOffset(of: key).map { try table.reader.value(type, at: $0, depth: depth) }
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<NestedKey> {
    try superDecoder(forKey: key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try superDecoder(forKey: key).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder {
    try decoder(forKey: CBORPathKey(stringValue: "super"))
  }

  func superDecoder(forKey key: Key) throws -> any Decoder {
    try decoder(forKey: key)
  }

  private func decoder(forKey key: some CodingKey) throws -> any Decoder {
    CBORDecoding(reader: table.reader, offset: try offset(of: key), depth: depth)
  }
}

/// An array, or a byte string as an array of its bytes.
struct CBORUnkeyedDecodingContainer: UnkeyedDecodingContainer {
  private let reader: CBORReader
  private let start: Int
  private let depth: Int
  private let length: Int
  private let isByteString: Bool
  private var position: Int
  private(set) var currentIndex = 0

  init(reader: CBORReader, offset: Int, depth: Int) throws {
    let head = reader.head(at: offset)
    guard head.major == CBORMajor.array || head.major == CBORMajor.bytes else {
      throw reader.mismatch([Any].self, at: offset)
    }
    self.reader = reader
    self.depth = depth
    start = offset
    length = Int(head.argument)
    isByteString = head.major == CBORMajor.bytes
    position = head.next
  }

  var codingPath: [any CodingKey] { reader.path(to: start) }
  var count: Int? { length }
  var isAtEnd: Bool { currentIndex == length }

  /// Reads the next element with `read`, and goes past it if that succeeds.
  @inline(__always)
  private mutating func next<Value>(_ type: Value.Type, _ read: (CBORReader, Int) throws -> Value) throws
    -> Value
  {
    guard currentIndex < length else {
      throw DecodingError.valueNotFound(
        type, reader.context("expected another element, but there are only \(length)", at: start))
    }
    guard !isByteString else {
      throw DecodingError.typeMismatch(
        type, reader.context("expected \(type), found a byte of a byte string", at: start))
    }
    let value = try read(reader, position)
    position = reader.end(ofItemAt: position)
    currentIndex += 1
    return value
  }

  private mutating func nextByte<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
    guard let number = Number(exactly: reader.byte(at: position)) else {
      throw DecodingError.typeMismatch(type, reader.context("the byte is no \(type)", at: start))
    }
    position += 1
    currentIndex += 1
    return number
  }

  mutating func decodeNil() throws -> Bool {
    guard currentIndex < length else {
      throw DecodingError.valueNotFound(
        Any?.self, reader.context("expected another element, but there are only \(length)", at: start))
    }
    guard !isByteString, reader.isNull(at: position) else { return false }
    position += 1
    currentIndex += 1
    return true
  }

  mutating func decode(_ type: Bool.Type) throws -> Bool {
    try next(type) { try $0.bool(at: $1) }
  }

  mutating func decode(_ type: String.Type) throws -> String {
    try next(type) { try $0.string(at: $1) }
  }

  mutating func decode(_ type: Double.Type) throws -> Double {
    try next(type) { try $0.double(at: $1) }
  }

  mutating func decode(_ type: Float.Type) throws -> Float {
    try next(type) { try $0.float(at: $1) }
  }

  mutating func decode(_ type: Int.Type) throws -> Int {
    if isByteString && currentIndex < length { return try nextByte(type) }
    return try next(type) { try $0.integer(type, at: $1) }
  }

  mutating func decode<Number: FixedWidthInteger & Decodable>(_ type: Number.Type) throws -> Number {
    if isByteString && currentIndex < length { return try nextByte(type) }
    return try next(type) { try $0.integer(type, at: $1) }
  }

  mutating func decode(_ type: Int128.Type) throws -> Int128 {
    if isByteString && currentIndex < length { return try nextByte(type) }
    return try next(type) { try $0.integer(type, at: $1) }
  }

  mutating func decode(_ type: UInt128.Type) throws -> UInt128 {
    if isByteString && currentIndex < length { return try nextByte(type) }
    return try next(type) { try $0.integer(type, at: $1) }
  }

  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    if isByteString && type == UInt8.self && currentIndex < length {
      return identityCast(try nextByte(UInt8.self), to: type)
    }
    let depth = depth
    return try next(type) { try $0.value(type, at: $1, depth: depth) }
  }

  mutating func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type
  ) throws -> KeyedDecodingContainer<NestedKey> {
    var following = self
    let nested = try following.superDecoder().container(keyedBy: type)
    self = following
    return nested
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    var following = self
    let nested = try following.superDecoder().unkeyedContainer()
    self = following
    return nested
  }

  mutating func superDecoder() throws -> any Decoder {
    let depth = depth
    return try next((any Decoder).self) { CBORDecoding(reader: $0, offset: $1, depth: depth) }
  }
}

/// The value itself.
struct CBORSingleValueDecodingContainer: SingleValueDecodingContainer {
  let reader: CBORReader
  let offset: Int
  let depth: Int

  var codingPath: [any CodingKey] { reader.path(to: offset) }

  func decodeNil() -> Bool {
    reader.isNull(at: offset)
  }

  func decode(_ type: Bool.Type) throws -> Bool {
    try reader.bool(at: offset)
  }

  func decode(_ type: String.Type) throws -> String {
    try reader.string(at: offset)
  }

  func decode(_ type: Double.Type) throws -> Double {
    try reader.double(at: offset)
  }

  func decode(_ type: Float.Type) throws -> Float {
    try reader.float(at: offset)
  }

  func decode(_ type: Int.Type) throws -> Int {
    try reader.integer(type, at: offset)
  }

  func decode<Number: FixedWidthInteger & Decodable>(_ type: Number.Type) throws -> Number {
    try reader.integer(type, at: offset)
  }

  func decode(_ type: Int128.Type) throws -> Int128 {
    try reader.integer(type, at: offset)
  }

  func decode(_ type: UInt128.Type) throws -> UInt128 {
    try reader.integer(type, at: offset)
  }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try reader.value(type, at: offset, depth: depth)
  }
}
