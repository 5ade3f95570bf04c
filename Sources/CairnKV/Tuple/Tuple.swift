/// A key in parts: a sequence of elements that is encoded as bytes in the same order.
///
///     let event: Tuple = ["journal", "batch-7", 42]
///     let journal: Tuple = ["journal", "batch-7"]
///     journal.range.contains(event.encoded())      // true
///
/// What the encoding promises:
/// - the order of the encodings is the order of the tuples: element by element, a tuple before those that
///   extend it;
/// - one tuple's encoding begins another's exactly when the other tuple begins with the elements of the
///   first, so a scan of ``range`` finds what extends a tuple and nothing else;
/// - every tuple has one encoding, and whatever decodes is that one encoding.
///
/// The bytes are described at ``encoded()``, and in `format-spec.md` under "Keys: the tuple encoding".
public struct Tuple: Hashable, Sendable {
  /// The elements, the most significant first.
  public var elements: [TupleElement]

  /// A tuple of the elements given; without any, the empty tuple, which comes before all others.
  public init(_ elements: TupleElement...) {
    self.elements = elements
  }

  /// A tuple of the elements of an array.
  public init(_ elements: [TupleElement]) {
    self.elements = elements
  }

  /// The keys of this tuple and of every tuple that extends it, and of no other.
  public var range: KeyRange {
    .prefix(encoded())
  }

  /// The key of the tuple `prefix`, then the commit's own position plus `addend`, then `suffix`.
  ///
  /// Once the position is known the key decodes as the elements of `prefix`, one `.position`, and the
  /// elements of `suffix`.
  public static func commitOrdered(_ prefix: Tuple, addend: UInt32, _ suffix: Tuple) -> CommitOrderedBytes {
    var front = prefix.encoded()
    front.append(TupleTypeCode.position)
    return CommitOrderedBytes(prefix: front, addend: addend, suffix: suffix.encoded())
  }
}

extension Tuple: Comparable {
  public static func < (left: Tuple, right: Tuple) -> Bool {
    left.elements.lexicographicallyPrecedes(right.elements)
  }
}

extension Tuple: ExpressibleByArrayLiteral {
  /// A tuple of the elements listed.
  public init(arrayLiteral elements: TupleElement...) {
    self.elements = elements
  }
}
