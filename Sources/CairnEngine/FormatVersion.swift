/// A version of what a store's files look like; see `format-spec.md`.
///
/// Every version that was ever released is read and written. A store keeps the version that it was created with, so that
/// the program which created it can go on opening it, until somebody raises it with ``Engine/ratchetFormat(to:)``: there
/// is no way back. A version that this program does not know is refused by name, with `.unsupportedFormat`.
public enum FormatVersion: UInt32, Sendable, Hashable, CaseIterable, Comparable {
  /// The first one.
  case one = 1
  /// The manifest of a store that was closed, and of a backup, says where its newest log ended, so that a log that was
  /// cut off since is damage, and not taken for one that ended there.
  case two = 2

  /// What every program reads.
  public static let oldest = FormatVersion.one
  /// What new stores are given.
  public static let newest = FormatVersion.two

  /// Whether `left` is the older one.
  public static func < (left: FormatVersion, right: FormatVersion) -> Bool { left.rawValue < right.rawValue }
}
