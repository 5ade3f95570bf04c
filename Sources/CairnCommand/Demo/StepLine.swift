/// What a process started by `--torture` prints: a line for each step, when it happens.
enum StepLine: Equatable {
  /// The process runs, and opens the store next.
  case started
  /// The store is open and the state is back, with so many reviews recorded.
  case opened(Int)
  /// The commit of a review begins.
  case committing(Int)
  /// The commit of a review returned: it's acknowledged.
  case recorded(Int)

  /// The line.
  var text: String {
    switch self {
    case .started: "STARTED"
    case .opened(let count): "OPENED \(count)"
    case .committing(let number): "COMMIT \(number)"
    case .recorded(let number): "ACK \(number)"
    }
  }

  /// Reads a line; `nil` for any other.
  init?(_ text: Substring) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 2, let number = Int(words[1]), number >= 0 else {
      guard text == "STARTED" else { return nil }
      self = .started
      return
    }
    switch words[0] {
    case "OPENED": self = .opened(number)
    case "COMMIT": self = .committing(number)
    case "ACK": self = .recorded(number)
    default: return nil
    }
  }
}
