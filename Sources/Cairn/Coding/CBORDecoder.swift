/// Decodes values from deterministic CBOR, the bytes that ``CBOREncoder`` writes, and from nothing else.
///
/// The bytes are checked as a whole before any value is made of them, also where the type never looks.
/// Fields that the type does not ask for are passed over. Where the type asks for a `Double` or `Float`, an
/// integer will do if it can be represented exactly; where it asks for a number, any size that holds it
/// exactly.
public struct CBORDecoder: Sendable {
  /// What types find in their decoder's `userInfo`.
  public var userInfo: [CodingUserInfoKey: any Sendable] = [:]

  /// A decoder.
  public init() {}

  /// The value that `bytes` encode.
  ///
  /// - Throws: `.malformed`, `.notDeterministic`, `.unsupported` or `.tooDeep` when the bytes are not the
  ///   deterministic encoding of any value, with the offset; `.typeMismatch`, `.keyNotFound` or
  ///   `.valueNotFound` when they are not of this type, with path and offset; `.rejected` when a type
  ///   throws an error of its own.
  public func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws(CodingFailure) -> Value
  {
    let reader = try CBORReader(validating: bytes, userInfo: userInfo)
    do {
      return try reader.value(type, at: 0, depth: 0)
    } catch {
      throw CodingFailure(error)
    }
  }
}
