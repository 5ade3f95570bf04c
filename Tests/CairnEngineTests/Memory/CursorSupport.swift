import CairnKV
import CairnTesting

@testable import CairnEngine

extension SkipList {
  func insert(_ entry: ModelEntry) {
    entry.key.withUnsafeBytes { key in
      entry.value.withUnsafeBytes { insert(key: key, trailer: entry.trailer, value: $0) }
    }
  }
}

extension Memtable {
  func insert(_ entry: ModelEntry) {
    entry.key.withUnsafeBytes { key in
      entry.value.withUnsafeBytes { insert(key: key, trailer: entry.trailer, value: $0) }
    }
  }

  /// A memtable that holds just this.
  convenience init(_ entries: [ModelEntry], _ tombstones: [RangeTombstone] = []) {
    self.init(oldestLog: 0, firstChunkBytes: 512)
    for entry in entries { insert(entry) }
    for tombstone in tombstones { insert(tombstone) }
  }
}

extension SourceCursor {
  func seek(atOrAfter key: [UInt8], _ trailer: EntryTrailer) throws {
    try withBytes(of: key) { (key) throws(StorageError) in try seek(atOrAfter: key, trailer) }
  }

  func seek(before key: [UInt8], _ trailer: EntryTrailer) throws {
    try withBytes(of: key) { (key) throws(StorageError) in try seek(before: key, trailer) }
  }

  /// Every entry, from the first to the last.
  func allForward() throws -> [ModelEntry] {
    var result: [ModelEntry] = []
    try seekToFirst()
    while let entry = current {
      result.append(entry)
      try next()
    }
    return result
  }

  /// Every entry, from the last to the first.
  func allBackward() throws -> [ModelEntry] {
    var result: [ModelEntry] = []
    try seekToLast()
    while let entry = current {
      result.append(entry)
      try previous()
    }
    return result
  }
}

extension [ModelEntry] {
  /// In a sorted array: the index of the first entry at or after a place.
  func lowerBound(_ key: [UInt8], _ trailer: EntryTrailer) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if ModelEntry.precedes(self[middle], key, trailer) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension SeededGenerator {
  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  mutating func isHit(oneIn count: Int) -> Bool { below(count) == 0 }

  /// A short key of few different bytes, zeros among them, so that prefixes and paddings collide.
  mutating func key(longest: Int = 12) -> [UInt8] {
    (0..<below(longest + 1)).map { _ in [0, 1, 97, 255][below(4)] }
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
  }
}
