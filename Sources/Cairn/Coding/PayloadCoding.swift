/// Turns states, events and metadata into bytes and back, with errors that name the record.
enum PayloadCoding {
  /// The value in deterministic CBOR.
  static func encode(_ value: any Encodable, of name: @autoclosure () -> RecordName) throws(StoreError)
    -> [UInt8]
  {
    do {
      return try CBOREncoder().encode(value)
    } catch {
      throw .encodingFailed(name(), reason: "\(error)")
    }
  }

  /// The value that `bytes` hold.
  static func decode<Value: Decodable>(
    _ type: Value.Type, from bytes: [UInt8], of name: @autoclosure () -> RecordName
  ) throws(StoreError) -> Value {
    do {
      return try CBORDecoder().decode(type, from: bytes)
    } catch {
      throw .decodingFailed(name(), reason: "\(error)")
    }
  }
}
