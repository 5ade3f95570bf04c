/// One element of a ``Tuple``.
///
/// Elements are ordered by type first (bytes, strings, numbers, positions), then by value. That is also the
/// order of their encodings. `integer` and `unsigned` are one numeric type: the same number is equal,
/// hashes and is encoded alike in both.
///
/// Strings are compared by their UTF-8 bytes, unlike `String` itself: two spellings of one character
/// (composed and decomposed) are different elements, since they are different keys.
public enum TupleElement: Sendable {
  /// Bytes, in lexicographic order.
  case bytes([UInt8])
  /// Text, in the order of its UTF-8 bytes, which is the order of its Unicode scalars.
  case string(String)
  /// A number. Decoding gives this case whenever the number fits.
  case integer(Int64)
  /// A number that may be above `Int64.max`.
  case unsigned(UInt64)
  /// A place in the commit order, of fixed width when encoded.
  case position(CommitPosition)
}

extension TupleElement: Comparable {
  public static func == (left: TupleElement, right: TupleElement) -> Bool {
    switch (left, right) {
    case (.bytes(let left), .bytes(let right)): left == right
    case (.string(let left), .string(let right)): left.utf8.elementsEqual(right.utf8)
    case (.integer(let left), .integer(let right)): left == right
    case (.integer(let left), .unsigned(let right)): left == right
    case (.unsigned(let left), .integer(let right)): left == right
    case (.unsigned(let left), .unsigned(let right)): left == right
    case (.position(let left), .position(let right)): left == right
    default: false
    }
  }

  public static func < (left: TupleElement, right: TupleElement) -> Bool {
    switch (left, right) {
    case (.bytes(let left), .bytes(let right)): left.lexicographicallyPrecedes(right)
    case (.string(let left), .string(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
    case (.integer(let left), .integer(let right)): left < right
    case (.integer(let left), .unsigned(let right)): left < right
    case (.unsigned(let left), .integer(let right)): left < right
    case (.unsigned(let left), .unsigned(let right)): left < right
    case (.position(let left), .position(let right)): left < right
    default: left.typeRank < right.typeRank
    }
  }

  private var typeRank: Int {
    switch self {
    case .bytes: 0
    case .string: 1
    case .integer, .unsigned: 2
    case .position: 3
    }
  }
}

extension TupleElement: Hashable {
  public func hash(into hasher: inout Hasher) {
    hasher.combine(typeRank)
    switch self {
    case .bytes(let bytes):
      hasher.combine(bytes)
    case .string(let string):
      for byte in string.utf8 { hasher.combine(byte) }
      hasher.combine(0xFF as UInt8)
    case .integer(let number):
      hasher.combine(number < 0)
      hasher.combine(UInt64(bitPattern: number))
    case .unsigned(let number):
      hasher.combine(false)
      hasher.combine(number)
    case .position(let position):
      hasher.combine(position)
    }
  }
}

extension TupleElement: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  /// A string element.
  public init(stringLiteral value: String) {
    self = .string(value)
  }

  /// A number element.
  public init(integerLiteral value: Int64) {
    self = .integer(value)
  }
}
