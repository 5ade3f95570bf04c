/// Reads a validated block: search and access, without a check on any byte.
///
///     u32 entry count │ varint prefix length │ prefix │ entries
///     entry: u64 trailer │ varint suffix length │ varint value length │ suffix │ value
///
/// A key is the block's prefix and the entry's suffix. Each entry can be decoded on its own, so that a step
/// costs the same in both directions. Beside the payload, in memory only, stand for each entry its offset
/// and its *head*: the suffix's first eight bytes as a big-endian number, filled up with zeros. Heads order
/// like suffixes as far as they differ, so a search touches few cache lines and seldom a key. Of data blocks
/// there is a *tag* as well, a byte of the key's hash: who looks for one key compares eight of them at a time,
/// in one cache line where a search would touch four.
///
/// Invariant: made by `Block` alone, once the payload has been validated whole: `heads` and `offsets` have
/// `count` elements, `tags` either none (of an index) or as many, filled up to a multiple of eight, each offset is
/// that of an entry that lies in the payload with all its bytes, entries ascend strictly. Behind the payload are
/// eight bytes more that may be read. Good only while the block lives; trivial to copy, so that loops over it count
/// no references.
struct BlockView: @unchecked Sendable {
  let tags: UnsafeRawPointer
  let payload: UnsafeRawPointer
  let offsets: UnsafePointer<UInt32>
  let count: Int
  let prefix: UnsafeRawBufferPointer
  let heads: UnsafePointer<UInt64>
  let longestSuffix: Int
  /// Those of all entries lie within.
  let sequences: ClosedRange<UInt64>

  init(
    tags: UnsafeRawPointer, payload: UnsafeRawPointer, offsets: UnsafePointer<UInt32>, count: Int,
    prefix: UnsafeRawBufferPointer, heads: UnsafePointer<UInt64>, longestSuffix: Int,
    sequences: ClosedRange<UInt64>
  ) {
    self.tags = tags
    self.payload = payload
    self.offsets = offsets
    self.count = count
    self.prefix = prefix
    self.heads = heads
    self.longestSuffix = longestSuffix
    self.sequences = sequences
  }

  /// A view of no entries.
  init(emptyAt place: UnsafeRawPointer) {
    self.init(
      tags: place, payload: place, offsets: place.assumingMemoryBound(to: UInt32.self), count: 0,
      prefix: UnsafeRawBufferPointer(start: place, count: 0),
      heads: place.assumingMemoryBound(to: UInt64.self), longestSuffix: 0, sequences: 0...0)
  }

  /// The view of no block.
  static let none = BlockView(
    emptyAt: UnsafeRawPointer(UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8)))

  /// An entry, in the block's memory.
  struct Entry {
    let trailer: EntryTrailer
    let suffix: UnsafeRawBufferPointer
    let value: UnsafeRawBufferPointer
  }

  @inline(__always)
  func entry(at index: Int) -> Entry {
    var place = payload + Int(offsets[index])
    let trailer = EntryTrailer(rawValue: UInt64(littleEndian: place.loadUnaligned(as: UInt64.self)))
    place += 8
    let suffixLength = Self.varint(&place)
    let valueLength = Self.varint(&place)
    return Entry(
      trailer: trailer, suffix: UnsafeRawBufferPointer(start: place, count: suffixLength),
      value: UnsafeRawBufferPointer(start: place + suffixLength, count: valueLength))
  }

  @inline(__always)
  private static func varint(_ place: inout UnsafeRawPointer) -> Int {
    let first = place.load(as: UInt8.self)
    place += 1
    if first < 0x80 { return Int(first) }
    var result = Int(first & 0x7F)
    var shift = 7
    while true {
      let byte = place.load(as: UInt8.self)
      place += 1
      result |= Int(byte & 0x7F) &<< shift
      if byte < 0x80 { return result }
      shift &+= 7
    }
  }

  /// The newest entry of `key` that does not sort before (`key`, `trailer`), if there is one. Not of an index.
  /// - Parameter tag: that of the key.
  @inline(__always)
  func find(_ key: UnsafeRawBufferPointer, tag: UInt8, atOrAfter trailer: EntryTrailer) -> Entry? {
    let pattern = UInt64(tag) &* Self.everyByte
    var start = 0
    while start < count {
      let word = UInt64(littleEndian: tags.load(fromByteOffset: start, as: UInt64.self)) ^ pattern
      // The high bit of each byte that is zero, and now and then of one above such a byte.
      var matches = (word &- Self.everyByte) & ~word & (Self.everyByte &<< 7)
      while matches != 0 {
        let index = start &+ matches.trailingZeroBitCount &>> 3
        if index >= count { return nil }
        let entry = entry(at: index)
        if entry.trailer.rawValue <= trailer.rawValue, hasKey(key, entry) { return entry }
        matches &= matches &- 1
      }
      start &+= 8
    }
    return nil
  }

  private static let everyByte: UInt64 = 0x0101_0101_0101_0101

  /// The tag of a key with this ``KeyHash``.
  @inline(__always)
  static func tag(ofHash hash: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: hash &>> 24) }

  /// Computes the tags of all entries.
  func writeTags(to tags: UnsafeMutableRawBufferPointer) {
    let length = prefix.count + longestSuffix
    // Of a size that is known to the compiler: where it is not, Swift 6.3.1 hands out an empty buffer beyond 1,024 bytes
    // when it optimizes.
    if length <= Self.shortKeyBytes {
      withUnsafeTemporaryAllocation(byteCount: Self.shortKeyBytes, alignment: 8) {
        writeTags(to: tags, in: $0)
      }
    } else {
      let key = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 8)
      defer { key.deallocate() }
      writeTags(to: tags, in: key)
    }
  }

  private static let shortKeyBytes = 512

  /// - Parameter key: room for the longest key.
  private func writeTags(to tags: UnsafeMutableRawBufferPointer, in key: UnsafeMutableRawBufferPointer) {
    key.copyMemory(from: prefix)
    for index in 0..<count {
      let suffix = entry(at: index).suffix
      if let start = key.baseAddress, let from = suffix.baseAddress {
        (start + prefix.count).copyMemory(from: from, byteCount: suffix.count)
      }
      let hash = KeyHash.hash(
        UnsafeRawBufferPointer(start: key.baseAddress, count: prefix.count + suffix.count))
      tags[index] = Self.tag(ofHash: hash)
    }
    for index in count..<tags.count { tags[index] = 0 }
  }

  /// Copies the bytes of a suffix of this block to where there is room for them and for seven bytes more. A call of
  /// the C library's costs more than to copy a few bytes too many.
  @inline(__always)
  static func copy(suffix: UnsafeRawBufferPointer, to place: UnsafeMutableRawPointer) {
    guard let from = suffix.baseAddress else { return }
    var offset = 0
    while offset < suffix.count {
      place.storeBytes(
        of: from.loadUnaligned(fromByteOffset: offset, as: UInt64.self), toByteOffset: offset, as: UInt64.self
      )
      offset &+= 8
    }
  }

  /// The head of a suffix.
  @inline(__always)
  static func head(_ suffix: UnsafeRawBufferPointer) -> UInt64 {
    guard let bytes = suffix.baseAddress else { return 0 }
    if suffix.count >= 8 { return UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)) }
    var result: UInt64 = 0
    for index in 0..<suffix.count {
      result |= UInt64(bytes.load(fromByteOffset: index, as: UInt8.self)) &<< (56 &- 8 &* UInt64(index))
    }
    return result
  }

  /// The index of the first entry at or after (`key`, `trailer`); `count` when there is none.
  @inline(__always)
  func firstIndex(atOrAfter key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) -> Int {
    firstIndex(atOrAfter: key, trailer) { firstIndex(headNotBelow: $0) }
  }

  /// The same.
  /// - Parameter search: finds the first entry whose head is not less than the one that it is given.
  @inline(__always)
  func firstIndex(
    atOrAfter key: UnsafeRawBufferPointer, _ trailer: EntryTrailer, _ search: (UInt64) -> Int
  ) -> Int {
    let shared = min(prefix.count, key.count)
    let order = EntryOrder.compare(
      UnsafeRawBufferPointer(start: key.baseAddress, count: shared),
      UnsafeRawBufferPointer(start: prefix.baseAddress, count: shared))
    if order != 0 { return order < 0 ? 0 : count }
    if key.count < prefix.count { return 0 }
    let suffix = UnsafeRawBufferPointer(
      start: key.baseAddress.map { $0 + shared }, count: key.count - shared)
    let head = Self.head(suffix)
    let low = search(head)
    // Most often the head alone decides, or the first entry that shares it does.
    guard low < count, heads[low] == head, precedes(low, suffix, trailer) else { return low }
    return lastOfEqualHeads(from: low + 1, head, suffix, trailer)
  }

  @inline(__always)
  private func firstIndex(headNotBelow head: UInt64) -> Int {
    // No branch depends on a comparison in here: half of them would be mispredicted. A conditional expression
    // does not see to that, the compiler makes a branch of it; so the borrow of a subtraction is the mask. A
    // search of 40 heads takes half the time.
    var low = 0
    var length = count
    while length > 1 {
      let half = length &>> 1
      let other = heads[low &+ half &- 1]
      let isBefore = ((~other & head) | (~(other ^ head) & (other &- head))) &>> 63
      low = low &+ (half & (0 &- Int(truncatingIfNeeded: isBefore)))
      length = length &- half
    }
    if length == 1 && heads[low] < head { low += 1 }
    return low
  }

  /// The rest of the search among entries with the same head, from `start` on.
  @inline(never)
  private func lastOfEqualHeads(
    from start: Int, _ head: UInt64, _ suffix: UnsafeRawBufferPointer, _ trailer: EntryTrailer
  ) -> Int {
    var low = start
    var high = count
    while low < high {
      let middle = (low &+ high) &>> 1
      if heads[middle] == head && precedes(middle, suffix, trailer) {
        low = middle &+ 1
      } else {
        high = middle
      }
    }
    return low
  }

  @inline(__always)
  private func precedes(_ index: Int, _ suffix: UnsafeRawBufferPointer, _ trailer: EntryTrailer) -> Bool {
    let entry = entry(at: index)
    return EntryOrder.compare(entry.suffix, entry.trailer, suffix, trailer) < 0
  }

  /// Whether the entry at `index` has exactly this key.
  @inline(__always)
  func hasKey(_ key: UnsafeRawBufferPointer, _ entry: Entry) -> Bool {
    guard key.count == prefix.count + entry.suffix.count else { return false }
    return EntryOrder.compare(
      UnsafeRawBufferPointer(start: key.baseAddress, count: prefix.count), prefix) == 0
      && EntryOrder.compare(
        UnsafeRawBufferPointer(start: key.baseAddress.map { $0 + prefix.count }, count: entry.suffix.count),
        entry.suffix) == 0
  }

  /// Whether all of its keys are less than `key`.
  func isBefore(_ key: UnsafeRawBufferPointer) -> Bool { firstIndex(atOrAfter: key, .newest) == count }

  /// Whether the entry at `index` has the key of the one before it. There must be one before it.
  @inline(__always)
  func hasKeyOfPrevious(_ index: Int) -> Bool {
    guard heads[index] == heads[index &- 1] else { return false }
    return EntryOrder.compare(entry(at: index).suffix, entry(at: index &- 1).suffix) == 0
  }

  /// Negative, zero or positive as the entry at `index` sorts before, with or after the one of `other`.
  func compare(_ index: Int, with other: BlockView, at otherIndex: Int) -> Int {
    let left = entry(at: index)
    let right = other.entry(at: otherIndex)
    let keys = EntryOrder.compare(prefix, left.suffix, other.prefix, right.suffix)
    if keys != 0 || left.trailer == right.trailer { return keys }
    return left.trailer.rawValue > right.trailer.rawValue ? -1 : 1
  }

  /// The whole key of the entry at `index`.
  func key(at index: Int) -> [UInt8] {
    [UInt8](prefix) + [UInt8](entry(at: index).suffix)
  }
}

extension EntryOrder {
  /// The order of two keys that are each in two pieces.
  fileprivate static func compare(
    _ leftHead: UnsafeRawBufferPointer, _ leftTail: UnsafeRawBufferPointer,
    _ rightHead: UnsafeRawBufferPointer, _ rightTail: UnsafeRawBufferPointer
  ) -> Int {
    if leftHead.count > rightHead.count { return -compare(rightHead, rightTail, leftHead, leftTail) }
    // left  │ leftHead │   leftTail          │ right │     rightHead     │ rightTail  │
    let shared = UnsafeRawBufferPointer(rebasing: rightHead[..<leftHead.count])
    let order = compare(leftHead, shared)
    if order != 0 { return order }
    let rest = UnsafeRawBufferPointer(rebasing: rightHead[leftHead.count...])
    let common = min(rest.count, leftTail.count)
    let middle = compare(
      UnsafeRawBufferPointer(rebasing: leftTail[..<common]), UnsafeRawBufferPointer(rebasing: rest[..<common])
    )
    if middle != 0 { return middle }
    if leftTail.count < rest.count { return -1 }
    return compare(UnsafeRawBufferPointer(rebasing: leftTail[common...]), rightTail)
  }
}
