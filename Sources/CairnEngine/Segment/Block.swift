import CairnKV

/// A block of entries in memory: validated once, immutable, shared by all who read it.
///
///     heads │ offsets │ payload
///
/// Invariant: owns `memory`, which holds the three in one allocation so that a look touches few pages,
/// which nobody writes to after `init`, and which is freed with the last reference. `view` points into it.
/// Whatever the payload is, `init` either refuses it or makes every access of the view sound: all of the
/// invariant of ``BlockView`` is checked here, and nowhere else.
final class Block: Sendable {
  /// Reads the block, as long as the caller keeps it alive.
  let view: BlockView
  nonisolated(unsafe) private let memory: UnsafeMutableRawBufferPointer

  /// What the block takes in memory.
  var memoryBytes: Int { memory.count + 128 }

  /// Copies and checks a payload; `nil` when it is no block, or holds an entry that no segment can have.
  /// - Parameter isIndex: whether it is an index block, where a removal's entry has a value: the block's
  ///   place.
  /// - Parameter sequenceBase: what is added to every sequence number.
  init?(_ payload: UnsafeRawBufferPointer, isIndex: Bool, sequenceBase: UInt64 = 0) {
    var header = ByteReader(payload)
    guard let entryCount = header.readInteger(UInt32.self),
      Int(entryCount) <= header.remaining / SegmentFormat.shortestEntry
    else { return nil }
    let count = Int(entryCount)
    let tableBytes = 12 * count
    let owned = OwnedBytes(count: tableBytes + payload.count)
    guard let base = owned.memory.baseAddress else { return nil }
    let heads = base.bindMemory(to: UInt64.self, capacity: count)
    let offsets = (base + 8 * count).bindMemory(to: UInt32.self, capacity: count)
    let copy = UnsafeMutableRawBufferPointer(rebasing: owned.memory[tableBytes...])
    copy.copyMemory(from: payload)

    var reader = ByteReader(UnsafeRawBufferPointer(copy))
    guard reader.readInteger(UInt32.self) != nil,
      let prefix = reader.readLengthPrefixed(limit: StorageLimits.keyBytes),
      let extent = Self.index(
        &reader, of: copy, isIndex: isIndex, sequenceBase: sequenceBase, prefixLength: prefix.count,
        count: count, heads: heads, offsets: offsets)
    else { return nil }
    view = BlockView(
      payload: UnsafeRawPointer(base + tableBytes), prefix: prefix, heads: UnsafePointer(heads),
      offsets: UnsafePointer(offsets), count: count, longestSuffix: extent.longestSuffix,
      sequences: extent.sequences)
    memory = owned.release()
  }

  deinit { memory.deallocate() }

  /// Walks all entries, adds the base to their sequence numbers in place, and notes offsets and heads; `nil`
  /// when anything is wrong.
  /// - Returns: the longest suffix, and the sequence numbers, 0 for no entries.
  private static func index(
    _ reader: inout ByteReader, of payload: UnsafeMutableRawBufferPointer, isIndex: Bool,
    sequenceBase: UInt64, prefixLength: Int, count: Int,
    heads: UnsafeMutablePointer<UInt64>, offsets: UnsafeMutablePointer<UInt32>
  ) -> (longestSuffix: Int, sequences: ClosedRange<UInt64>)? {
    let longestKey = StorageLimits.keyBytes - prefixLength
    var longestSuffix = 0
    var smallest = UInt64.max
    var largest: UInt64 = 0
    var lastSuffix = UnsafeRawBufferPointer(start: nil, count: 0)
    var lastTrailer = EntryTrailer.newest
    for index in 0..<count {
      let offset = reader.position
      guard let rawTrailer = reader.readInteger(UInt64.self),
        let suffixLength = reader.readVarint(), suffixLength <= UInt64(longestKey),
        let valueLength = reader.readVarint(), valueLength <= UInt64(StorageLimits.valueBytes),
        let suffix = reader.readBytes(Int(suffixLength)), let value = reader.readBytes(Int(valueLength))
      else { return nil }
      var trailer = EntryTrailer(rawValue: rawTrailer)
      if sequenceBase > 0 {
        guard let rebased = trailer.rebased(by: sequenceBase) else { return nil }
        payload.storeBytes(of: rebased.rawValue.littleEndian, toByteOffset: offset, as: UInt64.self)
        trailer = rebased
      }
      guard let kind = trailer.kind, isIndex || isPossible(kind, value) else { return nil }
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
      smallest = min(smallest, trailer.sequence)
      largest = max(largest, trailer.sequence)
    }
    return reader.isAtEnd ? (longestSuffix, min(smallest, largest)...largest) : nil
  }

  /// Whether an entry of this kind can have this value.
  @inline(__always)
  static func isPossible(_ kind: EntryKind, _ value: UnsafeRawBufferPointer) -> Bool {
    switch kind {
    case .value: true
    case .removal: value.isEmpty
    case .handle: ValueHandle(decoding: value) != nil
    }
  }
}
