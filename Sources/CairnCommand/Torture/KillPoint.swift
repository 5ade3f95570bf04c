import ArgumentParser

/// The kinds of calls that the engine makes of its file system.
enum FileCall: String, CaseIterable, Sendable {
  case open, mkdir, rename, link, unlink, list, stat, statvfs, syncdir, lock
  case read, write, writethrough, sync, writeback, truncate, preallocate, size, close
}

/// At which call a process kills itself: `write:137:before`, `rename:2:after`, `write:137:torn:512`.
struct KillPoint: Equatable, Sendable {
  enum Moment: Equatable, Sendable {
    case before, after
    /// When so many bytes are written, and no more; `nil`: half of them.
    case torn(bytes: Int?)
  }

  let call: FileCall
  /// The first call of its kind has number 1.
  let number: UInt64
  let moment: Moment

  var text: String {
    let when =
      switch moment {
      case .before: "before"
      case .after: "after"
      case .torn(nil): "torn"
      case .torn(let bytes?): "torn:\(bytes)"
      }
    return "\(call.rawValue):\(number):\(when)"
  }
}

extension KillPoint: ExpressibleByArgument {
  init?(argument: String) {
    let words = argument.split(separator: ":", omittingEmptySubsequences: false)
    guard words.count >= 3, let call = FileCall(rawValue: String(words[0])), let number = UInt64(words[1]),
      number > 0
    else { return nil }
    switch (words[2], words.count) {
    case ("before", 3): moment = .before
    case ("after", 3): moment = .after
    case ("torn", 3) where call.canBeTorn: moment = .torn(bytes: nil)
    case ("torn", 4) where call.canBeTorn:
      guard let bytes = Int(words[3]), bytes >= 0 else { return nil }
      moment = .torn(bytes: bytes)
    default: return nil
    }
    self.call = call
    self.number = number
  }
}

extension FileCall {
  /// Whether a part of it may be done.
  var canBeTorn: Bool { self == .write || self == .writethrough }
}
