/// Why a value could not be encoded or decoded, and where.
public struct CodingFailure: Error, Sendable {
  /// What kind of failure it is. Codes are added, never changed in meaning: always handle a `default`.
  public enum Code: String, Hashable, Sendable, CaseIterable {
    /// The bytes are not CBOR, or end early, or go on after the value.
    case malformed
    /// The bytes are CBOR, but not the one encoding that the value has; the message says what is not.
    case notDeterministic
    /// The bytes hold something that this coder never writes: a tag, `undefined`, a map key that is not text.
    case unsupported
    /// Values lie deeper in one another than the coder follows (128).
    case tooDeep
    /// Something is there, but of another type, or a number that the type cannot hold.
    case typeMismatch
    /// A field that the type needs is missing.
    case keyNotFound
    /// There is null, or nothing more, where the type needs a value.
    case valueNotFound
    /// The value cannot be encoded; the message says why.
    case invalidValue
    /// The type's own `init(from:)` or `encode(to:)` threw an error of its own.
    case rejected
  }

  /// What kind of failure it is.
  public let code: Code
  /// What is wrong, in a sentence.
  public let message: String
  /// The fields and indices that lead to the place, from the outermost: `orders.3.price`. Empty at the top,
  /// and where only the offset is known.
  public let path: String
  /// The offset of the item that is wrong, when bytes were at fault.
  public let offset: Int?
  /// The error that this one was made of, when a type threw it.
  public let underlying: (any Error)?

  /// An error with everything that is known about it.
  public init(
    _ code: Code, _ message: String, path: String = "", offset: Int? = nil, underlying: (any Error)? = nil
  ) {
    self.code = code
    self.message = message
    self.path = path
    self.offset = offset
    self.underlying = underlying
  }
}

extension CodingFailure: CustomStringConvertible {
  public var description: String {
    var text = "\(code.rawValue): \(message)"
    if !path.isEmpty { text += " [field \(path)]" }
    if let offset { text += " [offset \(offset)]" }
    return text
  }
}

extension CodingFailure {
  /// What a type's `encode(to:)` or `init(from:)` threw, as this error.
  init(_ error: any Error) {
    switch error {
    case let failure as CodingFailure:
      self = failure
    case DecodingError.typeMismatch(_, let context):
      self.init(.typeMismatch, context, error)
    case DecodingError.valueNotFound(_, let context):
      self.init(.valueNotFound, context, error)
    case DecodingError.keyNotFound(_, let context):
      self.init(.keyNotFound, context, error)
    case DecodingError.dataCorrupted(let context):
      self.init(.rejected, context, error)
    case EncodingError.invalidValue(_, let context):
      let path = context.codingPath.joinedPath
      self.init(.invalidValue, context.debugDescription, path: path, underlying: error)
    default:
      self.init(.rejected, "the type refused: \(error)", underlying: error)
    }
  }

  private init(_ code: Code, _ context: DecodingError.Context, _ error: any Error) {
    self.init(
      code, context.debugDescription, path: context.codingPath.joinedPath,
      offset: (context.underlyingError as? CBORLocation)?.offset, underlying: error)
  }
}

/// Where in the bytes a `DecodingError` arose: carried as its underlying error.
struct CBORLocation: Error {
  let offset: Int
}

/// A step of a coding path that the coder found itself.
struct CBORPathKey: CodingKey {
  let stringValue: String
  let intValue: Int?

  init(stringValue: String) {
    self.stringValue = stringValue
    intValue = nil
  }

  init(intValue: Int) {
    stringValue = String(intValue)
    self.intValue = intValue
  }
}

extension [any CodingKey] {
  /// `orders.3.price`
  var joinedPath: String {
    map(\.stringValue).joined(separator: ".")
  }
}
