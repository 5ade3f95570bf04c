/// What a session of a soak prints: a line for each thing that its supervisor should know, when it happens.
enum SessionLine: Equatable {
  /// The store opened, and took so long.
  case opened(microseconds: Int)
  /// The store is as the model says after so many commits of each lane, and writing begins.
  case verified(commits: [UInt64])
  /// A snapshot was checked.
  case snapshotChecked
  /// A sign of life.
  case alive
  /// So long after the last commit the directory takes so much, of which so much is logs.
  case quiet(milliseconds: Int, bytes: UInt64, logBytes: UInt64)
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
    case .alive: "ALIVE"
    case .quiet(let milliseconds, let bytes, let logBytes): "QUIET \(milliseconds) \(bytes) \(logBytes)"
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
    case ("ALIVE", _) where words.count == 1: self = .alive
    case ("CLOSED", _) where words.count == 1: self = .closed
    case ("VIOLATION", _) where words.count == 2: self = .violation(String(rest))
    default: return nil
    }
  }
}
