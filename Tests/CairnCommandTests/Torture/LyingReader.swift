import CairnKV

/// A reader that passes on what another one reads, but for one key, of which scans and look-ups say different things.
final class LyingReader: KeyValueReader {
  enum Lie: CaseIterable {
    /// Looked up, the key is not there.
    case notFound
    /// Looked up, it has another value.
    case foundDifferent
    /// Looked up, it is there, although scans know nothing of it.
    case found
    /// Scans pass it over.
    case notScanned
  }

  private let base: any KeyValueReader
  private let lie: Lie
  private let key: [UInt8]

  init(_ base: any KeyValueReader, _ lie: Lie, about key: [UInt8]) {
    (self.base, self.lie, self.key) = (base, lie, key)
  }

  func get(_ key: [UInt8]) throws(StorageError) -> [UInt8]? {
    let value = try base.get(key)
    guard key == self.key else { return value }
    return switch lie {
    case .notFound: nil
    case .foundDifferent: (value ?? []) + [1]
    case .found: [1]
    case .notScanned: value
    }
  }

  func first(in range: KeyRange) throws(StorageError) -> KeyValue? { try base.first(in: range) }

  func last(in range: KeyRange) throws(StorageError) -> KeyValue? { try base.last(in: range) }

  func scan(
    _ range: KeyRange, _ direction: ScanDirection, limit: Int?, _ visit: (KeyValue) -> ScanStep
  ) throws(StorageError) {
    try base.scan(range, direction, limit: limit) { entry in
      entry.key == key && lie == .notScanned ? .proceed : visit(entry)
    }
  }
}
