/// How a scrub reads. See ``Engine``'s `scrub`.
public struct ScrubOptions: Hashable, Sendable {
  /// How many bytes it reads a second at most. Default 8 MiB, at least 1: a store of 100 GiB takes four
  /// hours.
  public var bytesPerSecond: UInt64 = 8 << 20
  /// How deep it looks into each file. Default ``VerificationDepth/checksums``, which is what rot is found
  /// by. At ``VerificationDepth/everything`` each segment is compared with itself, but files are not
  /// compared with each other.
  public var depth = VerificationDepth.checksums
  /// How many violations are told in full; the others are counted. Default 1000.
  public var violationLimit = 1000

  /// The defaults.
  public init() {}
}

/// How far a scrub has come, to be kept and gone on from, also after the store was closed and opened again.
///
/// Files are read in the order of their numbers, and new ones have greater numbers: so one number says it
/// all.
public struct ScrubPosition: RawRepresentable, Hashable, Sendable {
  /// The number of the first file that was not read; 0 before manifest and logs.
  public let rawValue: UInt64

  /// A position that was kept.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Where a scrub of everything begins.
  public static let start = ScrubPosition(rawValue: 0)
}

/// What a scrub has found.
public struct ScrubResult: Hashable, Sendable {
  /// What was looked at since it began.
  public let report: VerificationReport
  /// Where to go on if it was cancelled; `nil` when it came to the end.
  public let next: ScrubPosition?
}
