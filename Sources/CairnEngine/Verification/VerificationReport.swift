/// An invariant that does not hold.
public struct VerificationViolation: Hashable, Sendable {
  /// Which.
  public let check: VerificationCheck
  /// The path of the file in which it does not hold.
  public let file: String
  /// Where in the file, in bytes; `nil` where it is about the file as a whole.
  public let offset: UInt64?
  /// What was found, in a sentence.
  public let message: String

  init(_ check: VerificationCheck, file: String, offset: UInt64? = nil, _ message: String) {
    self.check = check
    self.file = file
    self.offset = offset
    self.message = message
  }
}

extension VerificationViolation: CustomStringConvertible {
  /// The check, what was found, and where, in a line.
  public var description: String {
    "\(check.rawValue): \(message) [file \(file)" + (offset.map { ", offset \($0)" } ?? "") + "]"
  }
}

/// What a verification has looked at, and what it has found.
public struct VerificationReport: Hashable, Sendable {
  /// How deep it went.
  public let depth: VerificationDepth
  /// How often each check was made: files, frames, blocks, entries or records, whatever it is about. A check
  /// that is not in here was not made, for want of anything to make it on or because of what failed before.
  public internal(set) var examined: [VerificationCheck: UInt64] = [:]
  /// What does not hold, in the order in which it was found; no more than the limit that was given.
  public internal(set) var violations: [VerificationViolation] = []
  /// How many there are altogether.
  public internal(set) var violationCount: UInt64 = 0
  /// How many bytes of files were read.
  public internal(set) var bytesRead: UInt64 = 0
  /// Whether all was looked at; `false` when it was cancelled.
  public internal(set) var isComplete = true

  /// Whether nothing was found wrong. Says little when ``isComplete`` is `false`.
  public var isSound: Bool { violationCount == 0 }

  init(depth: VerificationDepth) {
    self.depth = depth
  }
}
