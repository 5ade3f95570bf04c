/// Encodes values as deterministic CBOR (RFC 8949 §4.2.1): equal values give equal bytes, on every machine
/// and in every run.
///
/// Numbers and lengths take the fewest bytes, a float the shortest of the three sizes that holds its value
/// exactly, and lengths are definite. A struct or class is a map from its keys, as text, to its values, in
/// the order of the encoded keys; whichever order the type encodes them in. Dictionaries with keys that
/// have a text form are maps too. Sets, and dictionaries with other keys, are arrays sorted by the bytes of
/// their elements or keys. `[UInt8]`, `ContiguousArray<UInt8>` and Foundation's `Data` are byte strings.
/// Optionals are null or their value.
///
/// The format is in `format-spec.md`, under "States and events: deterministic CBOR".
public struct CBOREncoder: Sendable {
  /// What types find in their encoder's `userInfo`.
  public var userInfo: [CodingUserInfoKey: any Sendable] = [:]

  /// An encoder.
  public init() {}

  /// The bytes of `value`.
  ///
  /// - Throws: `.tooDeep` when values lie more than 128 deep in one another; `.invalidValue` when two
  ///   values are encoded for one key, or an `Int128` is outside -2^64 ..< 2^64, or a container is used
  ///   after its time; `.rejected` when a type throws an error of its own.
  public func encode<Value: Encodable>(_ value: Value) throws(CodingFailure) -> [UInt8] {
    do {
      return try CBORWriter.encode(value, userInfo: userInfo)
    } catch {
      throw CodingFailure(error)
    }
  }
}
