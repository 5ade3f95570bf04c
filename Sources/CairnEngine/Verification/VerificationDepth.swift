/// How much of a store is looked at. Each depth includes those before it.
public enum VerificationDepth: Int, Hashable, Sendable, CaseIterable, Comparable {
  /// The manifest whole, and of every file that it lists: is it there, is it as long as listed, are its
  /// header or its footer and its properties good. Reads the manifest and a few hundred bytes of each file.
  case structure
  /// Every checksum of every file: frames, blocks, value records. Reads everything once, decodes nothing.
  case checksums
  /// Everything is decoded and compared: entries with indexes, filters, bounds and counts; handles with
  /// records; liveness with what is referred to; levels with each other. Reads segments twice and everything
  /// else once.
  case everything

  /// Whether the left one looks at less.
  public static func < (left: VerificationDepth, right: VerificationDepth) -> Bool {
    left.rawValue < right.rawValue
  }
}
