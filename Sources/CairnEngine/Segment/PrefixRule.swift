import CairnKV

/// Which bytes at the beginning of a key are its *prefix*: what scans mostly stay within.
///
/// A scan whose keys all have the same prefix passes over every segment that has no key with it. Each segment
/// remembers the rule that it was written with, so the rule of a store may change from one opening to the
/// next.
public enum PrefixRule: Hashable, Sendable {
  /// No key has a prefix, and scans look into every segment whose bounds they touch.
  case none
  /// The first so many bytes, 1 to 65,536. A shorter key has no prefix.
  case fixedLength(Int)
  /// The first so many elements, 1 to 255, of a key that is a ``CairnKV/Tuple``. A key that is none, or has
  /// fewer, has no prefix.
  case tupleElements(Int)

  /// The prefix of `key`; `nil` when it has none.
  ///
  /// It depends on the prefix's bytes alone: every key that begins with a prefix has that prefix.
  func prefix(of key: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    let length: Int?
    switch self {
    case .none: length = nil
    case .fixedLength(let count): length = key.count >= count ? count : nil
    case .tupleElements(let count): length = Tuple.prefixLength(of: key, elements: count)
    }
    return length.map { UnsafeRawBufferPointer(rebasing: key[..<$0]) }
  }

  /// Whether its number is one that a rule may have.
  var isValid: Bool {
    switch self {
    case .none: true
    case .fixedLength(let count): (1...StorageLimits.keyBytes).contains(count)
    case .tupleElements(let count): (1...255).contains(count)
    }
  }
}

extension KeyRange {
  /// The longest prefix that all keys of the range have, unless the range is empty.
  ///
  /// It is the beginning of `lower`: first where `upper` has the same bytes; then, if `upper` ends with the
  /// next byte and that is one more than in `lower`, that one, and all bytes FF that follow in `lower`, since
  /// a key above `lower` can only have FF there as well. No upper bound is like one that ends so before the
  /// first byte.
  var sharedPrefix: ArraySlice<UInt8> {
    var length = 0
    if let upper {
      while length < min(lower.count, upper.count) && lower[length] == upper[length] { length += 1 }
      guard length < lower.count, upper.count == length + 1, upper[length] > lower[length],
        upper[length] - lower[length] == 1
      else { return lower[..<length] }
      length += 1
    }
    while length < lower.count && lower[length] == 0xFF { length += 1 }
    return lower[..<length]
  }
}
