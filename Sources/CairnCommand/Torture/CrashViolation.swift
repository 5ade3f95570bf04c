/// Something that the store does not hold as it promised, or holds although it should not.
struct CrashViolation: Error, Equatable, CustomStringConvertible {
  enum Kind: String, CaseIterable {
    /// An operation was acknowledged and is not there.
    case lost
    /// It was acknowledged, and a later run began it again: the store had lost it in between.
    case lostBefore = "lost before"
    /// An operation is there that never began.
    case neverBegun = "never begun"
    /// A key of an operation that is there is missing.
    case missing
    /// Bytes differ.
    case wrongBytes = "wrong bytes"
    /// A key is there although its operation is not.
    case halfCommit = "half a commit"
    /// A key is there that was overwritten or removed.
    case resurrected
    /// A key is there that nobody wrote.
    case stray
    /// The commit order has a hole, or is not the order in which operations were done.
    case order
  }

  let kind: Kind
  let what: String

  init(_ kind: Kind, _ what: String) {
    self.kind = kind
    self.what = what
  }

  var description: String { "\(kind.rawValue): \(what)" }
}
