/// Why bytes are not the encoding of a tuple, and where.
public struct TupleError: Error, Hashable, Sendable {
  /// What is wrong with the bytes. Codes are added, never changed in meaning: always handle a `default`.
  public enum Code: String, Hashable, Sendable, CaseIterable {
    /// The bytes end within an element.
    case truncated
    /// No type of element has this code.
    case unknownType
    /// The escape byte `01` is followed by something other than `01` or `02`.
    case invalidEscape
    /// A string is not UTF-8.
    case invalidUTF8
    /// A number takes more bytes than it needs.
    case notShortest
    /// A number is less than `Int64.min`.
    case outOfRange
  }

  /// What is wrong.
  public let code: Code
  /// The offset of the byte that is wrong. For `.truncated`, the number of bytes; for `.invalidUTF8`,
  /// `.notShortest` and `.outOfRange`, the offset of the element.
  public let offset: Int

  /// An error at a byte of the input.
  public init(_ code: Code, offset: Int) {
    self.code = code
    self.offset = offset
  }
}

extension TupleError: CustomStringConvertible {
  public var description: String {
    let reason =
      switch code {
      case .truncated: "the bytes end within an element"
      case .unknownType: "no type of element has this code"
      case .invalidEscape: "the escape 01 is not followed by 01 or 02"
      case .invalidUTF8: "the string is not UTF-8"
      case .notShortest: "the number is longer than it need be"
      case .outOfRange: "the number is less than Int64.min"
      }
    return "not a tuple: \(reason) [offset \(offset)]"
  }
}
