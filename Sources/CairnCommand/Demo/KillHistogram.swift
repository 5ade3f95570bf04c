/// Where a kill landed.
enum KillPlace: CaseIterable {
  case starting
  case opening
  case resuming
  case reviewing
  case committing
  case afterLast

  /// The place in words.
  var words: String {
    switch self {
    case .starting: "as a process started, the store untouched"
    case .opening: "while a new store was opened"
    case .resuming: "while the store was recovered and the state restored"
    case .reviewing: "between two commits"
    case .committing: "in a commit"
    case .afterLast: "after the last commit"
    }
  }

  /// Whether it is between the first and the last step of the work: after its first commit began, before its
  /// last returned.
  var isBetweenSteps: Bool { self == .resuming || self == .reviewing || self == .committing }

  /// Where a process was killed that has this account, in a run in which `begun` commits were begun before.
  init(_ account: ChildProcess.Account, begun: Int, count: Int) {
    if !account.hasStarted {
      self = .starting
    } else if account.opened == nil {
      self = begun > 0 ? .resuming : .opening
    } else if account.committing > account.acknowledged {
      self = .committing
    } else if max(account.opened ?? 0, account.acknowledged) >= count {
      self = .afterLast
    } else {
      self = begun > 0 || account.committing > 0 ? .reviewing : .opening
    }
  }
}

/// How many kills landed where.
struct KillHistogram {
  private var counts: [KillPlace: Int] = [:]

  /// All kills.
  var total: Int { counts.values.reduce(0, +) }
  /// Those between the first and the last step.
  var betweenSteps: Int { counts.reduce(0) { $0 + ($1.key.isBetweenSteps ? $1.value : 0) } }
  /// Whether the next kill may fall outside of that, so that at most one in twenty is meant to.
  var hasRoomOutside: Bool { (total - betweenSteps + 1) * 20 <= total }
  /// Whether nine in ten were: if not, the trial proves nothing.
  var provesSomething: Bool { total > 0 && betweenSteps * 10 >= total * 9 }

  /// Counts a kill.
  mutating func add(_ place: KillPlace) { counts[place, default: 0] += 1 }

  /// The table, one line a place.
  var lines: [String] {
    KillPlace.allCases.map { place in
      let count = counts[place] ?? 0
      let bar = String(repeating: "#", count: count > 0 ? max(1, 40 * count / max(total, 1)) : 0)
      return "  " + padded(place.words, 54) + rightAligned(count, 6) + "  " + bar
    }
  }
}

/// `text` with spaces after it.
func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

/// A number with spaces before it.
func rightAligned(_ number: Int, _ width: Int) -> String {
  let digits = String(number)
  return String(repeating: " ", count: max(0, width - digits.count)) + digits
}
