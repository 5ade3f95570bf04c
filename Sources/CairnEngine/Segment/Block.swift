import CairnKV

/// A block of entries in memory: validated once, immutable, shared by all who read it.
///
///     reference count │ view │ tags │ heads │ offsets │ payload
///
/// All of it is one allocation, and what the look-up of a key touches stands together at its beginning: to come
/// to the entry takes few cache misses, and the first of them, the count of references, is the second's
/// neighbour.
///
/// Invariant: the elements hold the four parts, written in ``make(_:isIndex:sequenceBase:)`` before anybody else
/// has the block, and by nobody later. The view points into them. Whatever the payload is, it is either refused
/// there, or every access of the view is sound: all of the invariant of ``BlockView`` is checked there, and
/// nowhere else.
final class Block: ManagedBuffer<Block.Header, UInt64> {
  struct Header {
    fileprivate(set) var view: BlockView
    fileprivate var elementCount: Int
  }

  /// Reads the block, as long as the caller keeps it alive.
  @inline(__always)
  var view: BlockView { withUnsafeMutablePointerToHeader { $0.pointee.view } }

  /// What the block takes in memory.
  var memoryBytes: Int {
    withUnsafeMutablePointerToHeader { 8 * $0.pointee.elementCount } + MemoryLayout<Header>.size + 32
  }

  /// Copies and checks a payload; `nil` when it is no block, or holds an entry that no segment can have.
  /// - Parameter isIndex: whether it is an index block, where a removal's entry has a value: the block's
  ///   place. It has no tags.
  /// - Parameter isForKeys: whether single keys are looked up in it: without, it has no tags either.
  /// - Parameter sequenceBase: what is added to every sequence number.
  static func make(
    _ payload: UnsafeRawBufferPointer, isIndex: Bool, isForKeys: Bool = true, sequenceBase: UInt64 = 0
  ) -> Block? {
    var header = ByteReader(payload)
    guard let entryCount = header.readInteger(UInt32.self),
      Int(entryCount) <= header.remaining / SegmentFormat.shortestEntry
    else { return nil }
    let count = Int(entryCount)
    // Tags are looked at eight at a time.
    let tagBytes = isIndex || !isForKeys ? 0 : (count + 7) & ~7
    let offsetsStart = tagBytes + 8 * count
    let payloadStart = offsetsStart + 4 * count
    // Suffixes are copied eight bytes at a time, which may read up to seven bytes past the last one.
    let elementCount = (payloadStart + payload.count + 7) / 8 + 1

    let buffer = Block.create(minimumCapacity: elementCount) { buffer in
      buffer.withUnsafeMutablePointerToElements { elements in
        Header(view: BlockView(emptyAt: UnsafeRawPointer(elements)), elementCount: elementCount)
      }
    }
    let block = unsafeDowncast(buffer, to: Block.self)
    let isSound = block.withUnsafeMutablePointers { header, elements in
      let base = UnsafeMutableRawPointer(elements)
      let copy = UnsafeMutableRawBufferPointer(start: base + payloadStart, count: payload.count)
      copy.copyMemory(from: payload)
      guard
        let view = index(
          copy, count: count, isIndex: isIndex, sequenceBase: sequenceBase,
          tags: base, tagBytes: tagBytes,
          offsets: (base + offsetsStart).bindMemory(to: UInt32.self, capacity: count),
          heads: (base + tagBytes).bindMemory(to: UInt64.self, capacity: count))
      else { return false }
      header.pointee.view = view
      return true
    }
    return isSound ? block : nil
  }

  /// The view of a payload of which is known only that it begins with so many entries' number; `nil` when
  /// anything is wrong.
  private static func index(
    _ payload: UnsafeMutableRawBufferPointer, count: Int, isIndex: Bool, sequenceBase: UInt64,
    tags: UnsafeMutableRawPointer, tagBytes: Int, offsets: UnsafeMutablePointer<UInt32>,
    heads: UnsafeMutablePointer<UInt64>
  ) -> BlockView? {
    var reader = ByteReader(UnsafeRawBufferPointer(payload))
    guard reader.readInteger(UInt32.self) != nil,
      let prefix = reader.readLengthPrefixed(limit: StorageLimits.keyBytes),
      let extent = index(
        &reader, of: payload, isIndex: isIndex, sequenceBase: sequenceBase, prefixLength: prefix.count,
        count: count, heads: heads, offsets: offsets),
      let start = payload.baseAddress
    else { return nil }
    let view = BlockView(
      tags: UnsafeRawPointer(tags), payload: UnsafeRawPointer(start), offsets: UnsafePointer(offsets),
      count: count, prefix: prefix, heads: UnsafePointer(heads), longestSuffix: extent.longestSuffix,
      sequences: extent.sequences)
    if tagBytes > 0 { view.writeTags(to: UnsafeMutableRawBufferPointer(start: tags, count: tagBytes)) }
    return view
  }

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

/// A block on its way to another thread: it never changes, which its superclass does not let it say.
struct SharedBlock: @unchecked Sendable {
  let block: Block
}
