import CairnKV

/// A block of entries in memory: validated once, immutable, shared by all who read it.
///
/// Invariant: owns `payload` and `table`, which nobody writes to after `init` and which are freed with the last
/// reference. `view` points into both. Whatever the payload is, `init` either refuses it or makes every access
/// of `view` sound: all of the invariant of ``BlockView`` is checked here, and nowhere else.
final class Block: Sendable {
  let view: BlockView
  /// What the block takes in memory.
  let memoryBytes: Int

  nonisolated(unsafe) private let payload: UnsafeMutableRawBufferPointer
  nonisolated(unsafe) private let table: UnsafeMutableRawBufferPointer

  /// `nil` when the bytes are not a block, or hold an entry that no segment can have.
  /// - Parameter isIndex: whether it is an index block, where a removal's entry has a value: the block's place.
  init?(_ bytes: consuming OwnedBytes, isIndex: Bool) {
    var reader = ByteReader(UnsafeRawBufferPointer(bytes.memory))
    guard let entryCount = reader.readInteger(UInt32.self),
      let prefix = reader.readLengthPrefixed(limit: StorageLimits.keyBytes),
      Int(entryCount) <= reader.remaining / SegmentFormat.shortestEntry
    else { return nil }
    let count = Int(entryCount)
    let table = OwnedBytes(count: max(count, 1) * 12)
    let heads = table.memory.bindMemory(to: UInt64.self).baseAddress
    guard let heads, let payload = bytes.memory.baseAddress else { return nil }
    let offsets = UnsafeMutableRawPointer(heads + count).bindMemory(to: UInt32.self, capacity: max(count, 1))
    guard
      let longestSuffix = Self.index(
        &reader, isIndex: isIndex, prefixLength: prefix.count, count: count, heads: heads, offsets: offsets)
    else { return nil }
    view = BlockView(
      payload: UnsafeRawPointer(payload), prefix: prefix, heads: UnsafePointer(heads),
      offsets: UnsafePointer(offsets), count: count, longestSuffix: longestSuffix)
    memoryBytes = bytes.memory.count + table.memory.count + 96
    self.payload = bytes.release()
    self.table = table.release()
  }

  deinit {
    payload.deallocate()
    table.deallocate()
  }

  /// Walks all entries, notes offsets and heads, and returns the longest suffix; `nil` when anything is wrong.
  private static func index(
    _ reader: inout ByteReader, isIndex: Bool, prefixLength: Int, count: Int,
    heads: UnsafeMutablePointer<UInt64>,
    offsets: UnsafeMutablePointer<UInt32>
  ) -> Int? {
    let longestKey = StorageLimits.keyBytes - prefixLength
    var longestSuffix = 0
    var lastSuffix = UnsafeRawBufferPointer(start: nil, count: 0)
    var lastTrailer = EntryTrailer.newest
    for index in 0..<count {
      let offset = reader.position
      guard let rawTrailer = reader.readInteger(UInt64.self),
        let suffixLength = reader.readVarint(), suffixLength <= UInt64(longestKey),
        let valueLength = reader.readVarint(), valueLength <= UInt64(StorageLimits.valueBytes),
        let suffix = reader.readBytes(Int(suffixLength)), reader.readBytes(Int(valueLength)) != nil
      else { return nil }
      let trailer = EntryTrailer(rawValue: rawTrailer)
      guard let kind = trailer.kind, isIndex || kind == .value || valueLength == 0 else { return nil }
      let head = BlockView.head(suffix)
      if index > 0 {
        guard heads[index - 1] <= head else { return nil }
        if heads[index - 1] == head {
          guard EntryOrder.compare(lastSuffix, lastTrailer, suffix, trailer) < 0 else { return nil }
        }
      }
      heads[index] = head
      offsets[index] = UInt32(truncatingIfNeeded: offset)
      longestSuffix = max(longestSuffix, suffix.count)
      lastSuffix = suffix
      lastTrailer = trailer
    }
    return reader.isAtEnd ? longestSuffix : nil
  }
}
