import Foundation

/// What a torture's writer prints: a line for each thing that happens, when it happens.
enum CrashLine: Equatable, Sendable {
  /// The store is open, and this is the first operation that it does not hold.
  case resume(UInt64)
  /// The operation begins.
  case begin(UInt64)
  /// It is done, and durable.
  case acknowledged(UInt64)
  /// It is done, and survives the end of the process.
  case buffered(UInt64)
  /// A backup that began after the operation was done is finished.
  case backedUp(UInt64)

  var text: String {
    switch self {
    case .resume(let operation): "RESUME \(operation)"
    case .begin(let operation): "BEGIN \(operation)"
    case .acknowledged(let operation): "ACK \(operation)"
    case .buffered(let operation): "BUFFERED \(operation)"
    case .backedUp(let operation): "BACKUP \(operation)"
    }
  }

  /// Reads a line; `nil` for any other.
  init?(_ text: Substring) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    // Not "+1", which would be read as a number, too.
    guard words.count == 2, words[1].utf8.first.map({ (0x31...0x39).contains($0) }) ?? false,
      let operation = UInt64(words[1]), operation <= CrashLane.greatestOperation
    else { return nil }
    switch words[0] {
    case "RESUME": self = .resume(operation)
    case "BEGIN": self = .begin(operation)
    case "ACK": self = .acknowledged(operation)
    case "BUFFERED": self = .buffered(operation)
    case "BACKUP": self = .backedUp(operation)
    default: return nil
    }
  }

  /// Writes the line with exactly one call: whoever reads it has all of it or, killed within the call, a beginning.
  func write(to descriptor: Int32) throws(CommandFailure) {
    let bytes = Array((text + "\n").utf8)
    let count = bytes.withUnsafeBytes { buffer in
      retryingInterrupts { Foundation.write(descriptor, buffer.baseAddress, buffer.count) }
    }
    if count == bytes.count { return }
    let reason = count < 0 ? String(cString: strerror(errno)) : "only \(count) bytes of it were taken"
    throw CommandFailure("can't print \(text): \(reason)")
  }
}
