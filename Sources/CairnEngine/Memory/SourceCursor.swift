import CairnKV

/// A place in one sorted source of entries: a memtable, a segment, a level, or a merge of several.
///
/// While `isValid`, the current entry is in `key`, `trailer` and `value`, whose memory belongs to the
/// cursor and is good until its next move; a step back keeps the value that it leaves good for one move more,
/// so that who looks for the newest version of a key need not copy every one. A move that throws leaves the
/// cursor invalid. Entries are ordered as ``EntryOrder`` says. Not for use from two threads at once.
///
/// A class with stored fields, not a protocol: a merge reads the current keys of its sources far more often
/// than it moves one of them, and a field costs no dispatch.
class SourceCursor {
  final var isValid = false
  final var key = UnsafeRawBufferPointer(start: nil, count: 0)
  final var trailer = EntryTrailer(rawValue: 0)
  final var value = UnsafeRawBufferPointer(start: nil, count: 0)

  /// Moves to the first entry of all.
  func seekToFirst() throws(StorageError) { isValid = false }
  /// Moves to the last entry of all.
  func seekToLast() throws(StorageError) { isValid = false }
  /// Moves to the first entry at or after (`key`, `trailer`).
  func seek(atOrAfter key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
    isValid = false
  }
  /// Moves to the last entry before (`key`, `trailer`), exclusive.
  func seek(before key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {
    isValid = false
  }
  /// Moves to the following entry. Only while valid.
  func next() throws(StorageError) { isValid = false }
  /// Moves to the preceding entry. Only while valid.
  func previous() throws(StorageError) { isValid = false }

  /// Moves to the first entry of another key. Only while valid.
  func nextKey() throws(StorageError) {
    let left = [UInt8](key)
    try withBytes(of: left) { (left) throws(StorageError) in try leave(left) }
  }

  /// Moves past every entry of the current key, of which `left` is a copy.
  final func leave(_ left: UnsafeRawBufferPointer) throws(StorageError) {
    for _ in 0..<Self.stepsBeforeSeek {
      try next()
      guard isValid, EntryOrder.compare(key, left) == 0 else { return }
    }
    try seek(atOrAfter: left, EntryTrailer(rawValue: 0))
    while isValid, EntryOrder.compare(key, left) == 0 { try next() }
  }

  /// Stepping over more versions of one key than this costs more than a seek past them.
  static let stepsBeforeSeek = 8

  // MARK: Fetching ahead

  /// Tells of a seek to (`key`, `trailer`), in either direction, which is to follow as the next move. Who seeks
  /// in several sources tells all of them first, then has all of them fetch, and only then seeks: so their
  /// cache misses are waited for together, and not one after the other.
  func announceSeek(to key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) throws(StorageError) {}
  /// Has the processor fetch what the announced seek will look at first.
  func fetchAnnounced() {}
}

extension SourceCursor {
  /// Whether there is an entry in `range` whose trailer is as wanted. Steps over those that are not.
  func hasEntry(
    in range: KeyRange, where isWanted: (EntryTrailer) -> Bool = { _ in true }
  ) throws(StorageError) -> Bool {
    try withBytes(of: range.lower) { (lower) throws(StorageError) in
      try seek(atOrAfter: lower, .newest)
    }
    while isValid {
      if let upper = range.upper, upper.withUnsafeBytes({ EntryOrder.compare(key, $0) >= 0 }) { return false }
      if isWanted(trailer) { return true }
      try next()
    }
    return false
  }
}
