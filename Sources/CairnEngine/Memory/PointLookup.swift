/// What one source of entries knows about a key as of some sequence number.
enum PointLookup: Hashable, Sendable {
  /// The key's newest visible entry set it to this value.
  case value([UInt8], sequence: UInt64)
  /// It set it to the value that this stands for.
  case handle(ValueHandle, sequence: UInt64)
  /// The key's newest visible entry removed it.
  case removal(sequence: UInt64)

  /// The sequence number of the entry.
  var sequence: UInt64 {
    switch self {
    case .value(_, let sequence), .handle(_, let sequence), .removal(let sequence): sequence
    }
  }
}
