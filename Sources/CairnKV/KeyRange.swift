/// A half-open range of keys in byte order: `lower` is in it, `upper` is not.
///
/// Keys compare byte by byte as unsigned numbers, a proper prefix before what it begins.
public struct KeyRange: Hashable, Sendable {
  /// The first key that may be in the range.
  public var lower: [UInt8]
  /// The first key past the range; `nil` when the range reaches to the last key there is.
  public var upper: [UInt8]?

  /// The keys from `lower` up to, and without, `upper`.
  public init(from lower: [UInt8], to upper: [UInt8]?) {
    self.lower = lower
    self.upper = upper
  }

  /// Every key.
  public static let all = KeyRange(from: [], to: nil)

  /// Exactly the keys that begin with `prefix`, the prefix itself among them.
  public static func prefix(_ prefix: [UInt8]) -> KeyRange {
    KeyRange(from: prefix, to: successor(ofPrefix: prefix))
  }

  /// Exactly one key.
  public static func key(_ key: [UInt8]) -> KeyRange {
    KeyRange(from: key, to: key + [0])
  }

  /// Whether no key can be in the range.
  public var isEmpty: Bool {
    guard let upper else { return false }
    return !lower.lexicographicallyPrecedes(upper)
  }

  /// Whether `key` lies in the range.
  public func contains(_ key: [UInt8]) -> Bool {
    if key.lexicographicallyPrecedes(lower) { return false }
    guard let upper else { return true }
    return key.lexicographicallyPrecedes(upper)
  }

  /// The least key greater than every key that begins with `prefix`, or `nil` when there is none
  /// (the prefix is empty or all `0xFF`).
  public static func successor(ofPrefix prefix: [UInt8]) -> [UInt8]? {
    var result = prefix
    while let last = result.last {
      if last < 0xFF {
        result[result.count - 1] = last + 1
        return result
      }
      result.removeLast()
    }
    return nil
  }
}
