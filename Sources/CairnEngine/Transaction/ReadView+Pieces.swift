import CairnKV

/// Reads of parts of values.
extension ReadView {
  func valueLength(of key: [UInt8]) throws(StorageError) -> Int? {
    switch try decision(onKey: key) {
    case .value(let value): value.count
    // At most 2^30.
    case .handle(let handle): Int(truncatingIfNeeded: handle.rawBytes)
    case .absent, nil: nil
    }
  }

  func value(of key: [UInt8], range: Range<Int>) throws(StorageError) -> [UInt8]? {
    guard let decision = try decision(onKey: key) else { return nil }
    let length: Int
    switch decision {
    case .value(let value): length = value.count
    case .handle(let handle): length = Int(truncatingIfNeeded: handle.rawBytes)
    case .absent: return nil
    }
    guard range.lowerBound >= 0, range.upperBound <= length else {
      throw StorageError(
        .invalidArgument, "the bytes \(range) do not lie within a value of \(length) bytes")
    }
    switch decision {
    case .value(let value): return Array(value[range])
    case .handle(let handle):
      return try state.version.reader(of: handle).read(
        handle, range: UInt64(range.lowerBound)..<UInt64(range.upperBound))
    case .absent: return nil
    }
  }

  func forEachPiece(of key: [UInt8], _ body: (RawSpan) -> ScanStep) throws(StorageError) -> Bool {
    switch try decision(onKey: key) {
    case .value(let value):
      if !value.isEmpty { value.withUnsafeBytes { _ = body($0.bytes) } }
      return true
    case .handle(let handle):
      try state.version.reader(of: handle).forEachPiece(handle) { body($0.bytes) }
      return true
    case .absent, nil: return false
    }
  }

  private func decision(onKey key: [UInt8]) throws(StorageError) -> Decision? {
    try withBytes(of: key) { (key) throws(StorageError) in try decision(on: key) }
  }
}
