/// The newest entry of a key that a reader may see, in one source.
enum PointLookup {
  case value([UInt8], sequence: UInt64)
  case removal(sequence: UInt64)

  var sequence: UInt64 {
    switch self {
    case .value(_, let sequence), .removal(let sequence): sequence
    }
  }
}
