import CairnKV

/// Leads one reader past what is known to be empty, and tells of what it found empty itself.
struct EmptyRangeGuide {
  let known: EmptyRanges
  let snapshot: UInt64
  /// The memtable that was active when the snapshot was taken.
  let active: Memtable
  /// What the reader sees beside the store: its transaction's own writes.
  let own: Memtable?

  /// From where on to look, going up from `key`; `nil` when it is there.
  func firstToLookAt(from key: UnsafeRawBufferPointer) throws(StorageError) -> EmptyRangeSet.Bound? {
    guard let bound = known.firstToLookAt(from: key, at: snapshot) else { return nil }
    guard let cursor = own?.makeCursor() else { return bound }
    try cursor.seek(atOrAfter: key, .newest)
    guard cursor.isValid else { return bound }
    if EntryOrder.compare(cursor.key, key) == 0 { return nil }
    if case .key(let end) = bound, end.withUnsafeBytes({ EntryOrder.compare(cursor.key, $0) >= 0 }) {
      return bound
    }
    return .key([UInt8](cursor.key))
  }

  /// Before which key to look, going down from before `key` (`nil`: from the end); `nil` when it is there.
  func endToLookAt(from key: [UInt8]?) throws(StorageError) -> [UInt8]? {
    guard let bound = known.endToLookAt(from: key, at: snapshot) else { return nil }
    guard let cursor = own?.makeCursor() else { return bound }
    if let key {
      try withBytes(of: key) { (key) throws(StorageError) in try cursor.seek(before: key, .newest) }
    } else {
      try cursor.seekToLast()
    }
    guard cursor.isValid, bound.withUnsafeBytes({ EntryOrder.compare(cursor.key, $0) >= 0 }) else {
      return bound
    }
    let end = [UInt8](cursor.key) + [0]
    return end == key ? nil : end
  }

  /// Tells of keys between two that the reader has seen none of.
  func note(from lower: [UInt8], to upper: [UInt8]?) throws(StorageError) {
    // What the transaction removed itself is there for everybody else.
    guard own == nil else { return }
    try known.note(KeyRange(from: lower, to: upper), at: snapshot, active)
  }
}
