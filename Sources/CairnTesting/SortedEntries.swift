import CairnKV

/// One thing that a transaction does at its commit.
enum InMemoryOperation {
  case set(CommitOrderedBytes, CommitOrderedBytes)
  case removeKey([UInt8])
  case removeRange(KeyRange)

  /// The greater of the operation's addends.
  var addend: UInt32 {
    guard case .set(let key, let value) = self else { return 0 }
    return max(key.addend, value.addend)
  }

  /// What it counts towards the size of its transaction.
  var byteCount: Int {
    let framing = 16
    return switch self {
    case .set(let key, let value): key.bytes.count + value.bytes.count + framing
    case .removeKey(let key): key.count + framing
    case .removeRange(let range): range.lower.count + (range.upper?.count ?? 0) + framing
    }
  }
}

/// Entries in key order, each with the commit that wrote it. A copy is a snapshot.
struct SortedEntries {
  struct Entry {
    let entry: KeyValue
    /// The commit; `nil` when it is the transaction that is looking at it.
    let commit: CommitPosition?
  }

  private var entries: [Entry] = []

  /// The entries in order.
  var all: [KeyValue] { entries.map(\.entry) }

  /// The entry at `key`.
  func entry(at key: [UInt8]) -> Entry? {
    let index = firstIndex(from: key)
    return index < entries.count && entries[index].entry.key == key ? entries[index] : nil
  }

  /// The entries in `range`.
  func entries(in range: KeyRange) -> ArraySlice<Entry> {
    entries[indices(of: range)]
  }

  /// Does what an operation says, at its commit.
  mutating func apply(_ operation: InMemoryOperation, at position: CommitPosition) {
    switch operation {
    case .set(let key, let value):
      set(key.resolved(at: position), to: value.resolved(at: position), by: position)
    case .removeKey(let key):
      remove(.key(key))
    case .removeRange(let range):
      remove(range)
    }
  }

  mutating func set(_ key: [UInt8], to value: [UInt8], by commit: CommitPosition?) {
    let index = firstIndex(from: key)
    let entry = Entry(entry: KeyValue(key: key, value: value), commit: commit)
    if index < entries.count && entries[index].entry.key == key {
      entries[index] = entry
    } else {
      entries.insert(entry, at: index)
    }
  }

  mutating func remove(_ range: KeyRange) {
    entries.removeSubrange(indices(of: range))
  }

  private func indices(of range: KeyRange) -> Range<Int> {
    let lower = firstIndex(from: range.lower)
    guard let upper = range.upper else { return lower..<entries.count }
    return lower..<max(lower, firstIndex(from: upper))
  }

  /// The index of the first entry whose key is not less than `key`.
  private func firstIndex(from key: [UInt8]) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = low + (high - low) / 2
      if entries[middle].entry.key.lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
