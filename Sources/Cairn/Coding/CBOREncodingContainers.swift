// What a type's `encode(to:)` sees: views of a frame of a `CBORWriter`, named by its serial. One generic
// method meets the requirements for the integers up to 64 bits, but for `Int`, the commonest: alone it is
// specialized. The 128-bit ones have default implementations, which would win over the generic method.

/// The encoder handed to a value.
struct CBOREncoding: Encoder {
  let writer: CBORWriter
  let serial: Int

  var codingPath: [any CodingKey] { writer.codingPath }
  var userInfo: [CodingUserInfoKey: Any] { writer.userInfo }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    writer.open(.keyed, serial: serial)
    return KeyedEncodingContainer(CBORKeyedEncodingContainer(writer: writer, serial: serial))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    writer.open(.unkeyed, serial: serial)
    return CBORUnkeyedEncodingContainer(writer: writer, serial: serial)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer {
    CBORSingleValueEncodingContainer(writer: writer, serial: serial)
  }
}

/// A map.
struct CBORKeyedEncodingContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let writer: CBORWriter
  let serial: Int

  var codingPath: [any CodingKey] { writer.codingPath }

  func encodeNil(forKey key: Key) throws {
    try writer.beginEntry(key, serial: serial)
    writer.writeNull()
  }

  func encode(_ value: Bool, forKey key: Key) throws {
    try writer.beginEntry(key, serial: serial)
    writer.write(value)
  }

  func encode(_ value: String, forKey key: Key) throws {
    try writer.beginEntry(key, serial: serial)
    writer.write(value)
  }

  func encode(_ value: Double, forKey key: Key) throws {
    try writer.beginEntry(key, serial: serial)
    writer.write(value)
  }

  func encode(_ value: Float, forKey key: Key) throws {
    try writer.beginEntry(key, serial: serial)
    writer.write(value)
  }

  func encode(_ value: Int, forKey key: Key) throws {
    try writer.beginEntry(key, serial: serial)
    writer.write(integer: value)
  }

  func encode<Number: FixedWidthInteger & Encodable>(_ value: Number, forKey key: Key) throws {
    try writer.beginEntry(key, serial: serial)
    writer.write(integer: value)
  }

  func encode(_ value: Int128, forKey key: Key) throws {
    try writer.undoingOnFailure(serial: serial) {
      try writer.beginEntry(key, serial: serial)
      try writer.write(wide: value)
    }
  }

  func encode(_ value: UInt128, forKey key: Key) throws {
    try writer.undoingOnFailure(serial: serial) {
      try writer.beginEntry(key, serial: serial)
      try writer.write(wide: value)
    }
  }

  func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
    try writer.undoingOnFailure(serial: serial) {
      try writer.beginEntry(key, serial: serial)
      try writer.write(value)
    }
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy keyType: NestedKey.Type, forKey key: Key
  ) -> KeyedEncodingContainer<NestedKey> {
    superEncoder(forKey: key).container(keyedBy: keyType)
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    superEncoder(forKey: key).unkeyedContainer()
  }

  func superEncoder() -> any Encoder {
    writer.child(forKey: CBORPathKey(stringValue: "super"), serial: serial)
  }

  func superEncoder(forKey key: Key) -> any Encoder {
    writer.child(forKey: key, serial: serial)
  }
}

/// An array, or a byte string for as long as only bytes come in one go.
struct CBORUnkeyedEncodingContainer: UnkeyedEncodingContainer {
  let writer: CBORWriter
  let serial: Int

  var codingPath: [any CodingKey] { writer.codingPath }
  var count: Int { writer.elementCount(serial: serial) }

  func encodeNil() throws {
    try writer.beginElement(serial: serial)
    writer.writeNull()
  }

  func encode(_ value: Bool) throws {
    try writer.beginElement(serial: serial)
    writer.write(value)
  }

  func encode(_ value: String) throws {
    try writer.beginElement(serial: serial)
    writer.write(value)
  }

  func encode(_ value: Double) throws {
    try writer.beginElement(serial: serial)
    writer.write(value)
  }

  func encode(_ value: Float) throws {
    try writer.beginElement(serial: serial)
    writer.write(value)
  }

  func encode(_ value: Int) throws {
    try writer.beginElement(serial: serial)
    writer.write(integer: value)
  }

  func encode<Number: FixedWidthInteger & Encodable>(_ value: Number) throws {
    try writer.beginElement(serial: serial)
    writer.write(integer: value)
  }

  func encode(_ value: Int128) throws {
    try writer.undoingOnFailure(serial: serial) {
      try writer.beginElement(serial: serial)
      try writer.write(wide: value)
    }
  }

  func encode(_ value: UInt128) throws {
    try writer.undoingOnFailure(serial: serial) {
      try writer.beginElement(serial: serial)
      try writer.write(wide: value)
    }
  }

  func encode<Value: Encodable>(_ value: Value) throws {
    try writer.undoingOnFailure(serial: serial) {
      try writer.beginElement(serial: serial)
      try writer.write(value)
    }
  }

  func encode<Bytes: Sequence>(contentsOf sequence: Bytes) throws where Bytes.Element == UInt8 {
    try writer.append(elements: sequence, serial: serial)
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy keyType: NestedKey.Type
  ) -> KeyedEncodingContainer<NestedKey> {
    superEncoder().container(keyedBy: keyType)
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    superEncoder().unkeyedContainer()
  }

  func superEncoder() -> any Encoder {
    writer.childElement(serial: serial)
  }
}

/// A value in the place of the value under way.
struct CBORSingleValueEncodingContainer: SingleValueEncodingContainer {
  let writer: CBORWriter
  let serial: Int

  var codingPath: [any CodingKey] { writer.codingPath }

  func encodeNil() throws {
    try writer.beginSingle(serial: serial)
    writer.writeNull()
  }

  func encode(_ value: Bool) throws {
    try writer.beginSingle(serial: serial)
    writer.write(value)
  }

  func encode(_ value: String) throws {
    try writer.beginSingle(serial: serial)
    writer.write(value)
  }

  func encode(_ value: Double) throws {
    try writer.beginSingle(serial: serial)
    writer.write(value)
  }

  func encode(_ value: Float) throws {
    try writer.beginSingle(serial: serial)
    writer.write(value)
  }

  func encode(_ value: Int) throws {
    try writer.beginSingle(serial: serial)
    writer.write(integer: value)
  }

  func encode<Number: FixedWidthInteger & Encodable>(_ value: Number) throws {
    try writer.beginSingle(serial: serial)
    writer.write(integer: value)
  }

  func encode(_ value: Int128) throws {
    try writer.undoingOnFailure(serial: serial) {
      try writer.beginSingle(serial: serial)
      try writer.write(wide: value)
    }
  }

  func encode(_ value: UInt128) throws {
    try writer.undoingOnFailure(serial: serial) {
      try writer.beginSingle(serial: serial)
      try writer.write(wide: value)
    }
  }

  func encode<Value: Encodable>(_ value: Value) throws {
    try writer.undoingOnFailure(serial: serial) {
      try writer.beginSingle(serial: serial)
      try writer.write(value)
    }
  }
}
