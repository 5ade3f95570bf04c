/// What a session of a soak prints: a line for each thing that its supervisor should know, when it happens.
enum SessionLine: Equatable {
  /// The store opened, and took so long.
  case opened(microseconds: Int)
  /// The store is as the model says after so many commits of each lane, and writing begins.
  case verified(commits: [UInt64])
  /// A snapshot was checked.
  case snapshotChecked
  /// A sign of life, and how commits were slowed down so far.
  case alive(PacingTotals)
  /// So long after the last commit the directory takes so much, of which so much is logs.
  case quiet(milliseconds: Int, bytes: UInt64, logBytes: UInt64)
  /// What is in the directory of the closed store that it does not account for.
  case unaccounted([String])
  /// The store was closed.
  case closed
  /// Something isn't as the model says.
  case violation(String)

  /// The line.
  var text: String {
    switch self {
    case .opened(let microseconds): "OPENED \(microseconds)"
    case .verified(let commits): (["VERIFIED"] + commits.map { "\($0)" }).joined(separator: " ")
    case .snapshotChecked: "SNAPSHOT"
    case .alive(let totals): "ALIVE " + totals.numbers.map { "\($0)" }.joined(separator: " ")
    case .quiet(let milliseconds, let bytes, let logBytes): "QUIET \(milliseconds) \(bytes) \(logBytes)"
    // No name of a file has a slash.
    case .unaccounted(let what): "FILES " + what.joined(separator: "/")
    case .closed: "CLOSED"
    case .violation(let what): "VIOLATION " + what
    }
  }

  /// Reads a line; `nil` for any other.
  init?(_ text: Substring) {
    let words = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    let rest = words.count == 2 ? words[1] : ""
    let numbers = rest.split(separator: " ", omittingEmptySubsequences: false).map { UInt64($0) }
    let known = numbers.compactMap { $0 }
    switch (words[0], known.count == numbers.count ? known.count : nil) {
    case ("OPENED", 1): self = .opened(microseconds: Int(clamping: known[0]))
    case ("VERIFIED", _?) where !known.isEmpty: self = .verified(commits: known)
    case ("QUIET", 3):
      self = .quiet(milliseconds: Int(clamping: known[0]), bytes: known[1], logBytes: known[2])
    case ("SNAPSHOT", _) where words.count == 1: self = .snapshotChecked
    case ("ALIVE", _?):
      guard let totals = PacingTotals(known) else { return nil }
      self = .alive(totals)
    case ("FILES", _) where words.count == 2:
      self = .unaccounted(rest.split(separator: "/").map { String($0) })
    case ("CLOSED", _) where words.count == 1: self = .closed
    case ("VIOLATION", _) where words.count == 2: self = .violation(String(rest))
    default: return nil
    }
  }
}
