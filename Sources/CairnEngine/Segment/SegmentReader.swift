import CairnKV
import CairnShims
import Synchronization

/// An open segment. Index, filters and range removals are in memory, data blocks come through the cache.
///
/// Everything that is read is checked before it is used; what fails throws `.corruption` with file and
/// offset.
final class SegmentReader: Sendable {
  let properties: SegmentProperties
  /// By ascending lower bound, then by descending sequence.
  let removals: RangeTombstoneSet

  private let file: any File
  private let identity: SegmentIdentity
  private let cache: BlockCache
  nonisolated(unsafe) private let indexBlock: Block
  private let filters: SegmentFilters?
  private let dictionary: DictionaryForDecompression?
  /// The index: for each data block its first key and trailer, and as value its offset and stored length.
  /// Points into `indexBlock`, which lives as long as the reader.
  let index: BlockView
  private let heads: HeadTree
  /// For each data block, where it is while it is in the cache.
  ///
  /// Invariant: as many words as `index` has entries, from `init` to `deinit`, where the cache lets go of them. In
  /// front of them stands one word that is not used, at the beginning of a cache line: the eight words of the blocks
  /// before the entries of one group of `heads` so share a line.
  nonisolated(unsafe) private let slots: UnsafeMutablePointer<Atomic<UInt64>>
  /// About what the reader keeps in memory, beside the blocks in the cache. Range removals are counted
  /// three times: they are kept as they are, and cut into fragments.
  let memoryBytes: Int
  /// The reader itself, its properties, and the open file.
  private static let fixedBytes = 1024

  /// Opens the segment in `file`, which must have this number.
  /// - Parameter sequenceBase: what is added to every sequence number in it.
  init(
    file: any File, fileNumber: UInt64, sequenceBase: UInt64 = 0, cache: BlockCache
  ) throws(StorageError) {
    let fileBytes = try file.size()
    let parts = try SegmentParts(
      file: file, fileBytes: fileBytes, fileNumber: fileNumber, sequenceBase: sequenceBase, cache: cache)
    self.file = file
    self.cache = cache
    identity = parts.footer.identity
    properties = parts.properties
    removals = RangeTombstoneSet(parts.rangeTombstones)
    filters = parts.filters
    indexBlock = parts.index
    index = parts.index.view
    heads = HeadTree(parts.index.view.heads, count: parts.index.view.count)
    dictionary = parts.dictionary
    memoryBytes =
      Self.fixedBytes + parts.index.memoryBytes + (parts.filters?.memoryBytes ?? 0)
      + (parts.dictionary?.memoryBytes ?? 0)
      + heads.memoryBytes + MemoryLayout<UInt64>.stride * (parts.index.view.count + 1)
      + parts.rangeTombstones.reduce(0) { $0 + 3 * ($1.lower.count + ($1.upper?.count ?? 0) + 64) }
    let words = UnsafeMutableRawPointer.allocate(
      byteCount: MemoryLayout<Atomic<UInt64>>.stride * (index.count + 1), alignment: HeadTree.lineBytes)
    slots = (words + MemoryLayout<Atomic<UInt64>>.stride).bindMemory(
      to: Atomic<UInt64>.self, capacity: index.count)
    for number in 0..<index.count { (slots + number).initialize(to: Atomic(0)) }
    cache.reserve(memoryBytes)
  }

  deinit {
    for number in 0..<index.count where !slot(number).isEmpty {
      cache.abandon(slot(number), segment: identity.fileNumber, offset: place(of: number).offset)
    }
    slots.deinitialize(count: index.count)
    UnsafeMutableRawPointer(slots - 1).deallocate()
    cache.release(memoryBytes)
  }

  @inline(__always)
  private func slot(_ number: Int) -> BlockSlot { BlockSlot(slots + number) }

  private func place(of number: Int) -> SegmentFooter.Place {
    SegmentParts.place(index.entry(at: number).value)
  }

  /// Whether the segment may have an entry of the key with this ``KeyHash``: `false` is certain. Range
  /// removals are not looked at.
  @inline(__always)
  func mayContain(keyHash: UInt64) -> Bool { filters?.mayContain(keyHash: keyHash) ?? true }

  /// Whether the segment may have an entry of `key`.
  func mayContain(key: UnsafeRawBufferPointer) -> Bool { mayContain(keyHash: KeyHash.hash(key)) }

  /// Whether the segment may have an entry whose key begins with `prefix`: `false` is certain. Without a
  /// filter, and when `prefix` does not begin with what the filter's rule calls one, it may.
  func mayContain(prefix: UnsafeRawBufferPointer) -> Bool { filters?.mayContain(prefix: prefix) ?? true }

  /// The newest entry of `key` whose sequence is at most `sequence`; `nil` when the segment has none. Range
  /// removals are not looked at. Costs at most two block reads, and mostly none when there is no entry. The
  /// value is lent with its block, not copied.
  func find(_ key: UnsafeRawBufferPointer, visibleAt sequence: UInt64) throws(StorageError) -> PointLookup? {
    try find(key, hash: KeyHash.hash(key), visibleAt: sequence)
  }

  /// The same for a key whose ``KeyHash`` is known.
  /// - Parameter isLast: Whether there is nowhere else to look: then the key is probably here, and the index is
  ///   searched while the filter's line is on its way.
  func find(
    _ key: UnsafeRawBufferPointer, hash: UInt64, visibleAt sequence: UInt64, isLast: Bool = false
  ) throws(StorageError) -> PointLookup? {
    if isLast {
      filters?.prefetch(keyHash: hash)
    } else {
      guard mayContain(keyHash: hash) else { return nil }
    }
    let target = EntryTrailer.newest(visibleAt: sequence)
    // An entry that is sought stands in the block before the first one that begins after it, or at that
    // block's very beginning.
    let following = firstBlock(atOrAfter: key, target)
    if isLast, !mayContain(keyHash: hash) { return nil }
    if following > 0 {
      let block = try block(at: following - 1)
      let found = block.view.find(key, tag: BlockView.tag(ofHash: hash), atOrAfter: target)
      if let found { return PointLookup(trailer: found.trailer, value: found.value, block: block) }
    }
    guard following < index.count, index.hasKey(key, index.entry(at: following)) else { return nil }
    let block = try block(at: following)
    let entry = block.view.entry(at: 0)
    return PointLookup(trailer: entry.trailer, value: entry.value, block: block)
  }

  /// The first data block that begins at or after (`key`, `trailer`); `index.count` when none does.
  @inline(__always)
  func firstBlock(atOrAfter key: UnsafeRawBufferPointer, _ trailer: EntryTrailer) -> Int {
    index.firstIndex(atOrAfter: key, trailer) { head in
      heads.firstIndex(notBelow: head) { cairn_prefetch(slots + HeadTree.groupCount &* $0 - 1) }
    }
  }

  /// A cursor over all entries, at none of them yet.
  ///
  /// - Parameter fillsCache: Whether the blocks that it reads are kept for others. Those of a segment that goes
  ///   as soon as it is read would only take the place of what is wanted.
  func makeCursor(fillsCache: Bool = true) -> SourceCursor { SegmentCursor(self, fillsCache: fillsCache) }

  /// A cursor over at least the entries whose keys begin with `prefix`: an empty one if there are none for
  /// certain.
  func makeCursor(within prefix: ArraySlice<UInt8>, fillsCache: Bool = true) -> SourceCursor {
    let isPossible = prefix.withUnsafeBytes { mayContain(prefix: $0) }
    return isPossible ? SegmentCursor(self, fillsCache: fillsCache) : SourceCursor()
  }

  /// The data block with this number in the index, which must be less than `index.count`.
  @inline(__always)
  func block(at number: Int, fillingCache: Bool = true) throws(StorageError) -> Block {
    if let block = slot(number).take() {
      cache.countHit()
      return block
    }
    return try find(number, fillingCache: fillingCache)
  }

  /// Has the processor fetch where the data block with this number is found.
  @inline(__always)
  func prefetchSlot(of number: Int) { slot(number).prefetch() }

  /// Has the processor fetch the beginning of the data block with this number, if it is in the cache.
  /// - Returns: where it is, which is not to be looked at: it may be gone.
  @inline(__always)
  func prefetchBlock(at number: Int) -> UnsafeRawPointer? { slot(number).prefetchBlock() }

  /// The block from the cache or, if it is not there, from the file.
  @inline(never)
  private func find(_ number: Int, fillingCache: Bool) throws(StorageError) -> Block {
    let place = place(of: number)
    let segment = identity.fileNumber
    if let block = cache.block(segment: segment, offset: place.offset, place: slot(number)) {
      cache.countHit()
      return block
    }
    cache.countMiss()
    let block = try load(number, place, isForKeys: fillingCache)
    if fillingCache { cache.insert(block, segment: segment, offset: place.offset, place: slot(number)) }
    return block
  }

  private func load(
    _ number: Int, _ place: SegmentFooter.Place, isForKeys: Bool
  ) throws(StorageError) -> Block {
    let bytes = try StoredBlock.read(
      place, of: file, identity: identity, decompressor: cache.decompressor, dictionary: dictionary,
      whatItHolds: "entries")
    func damaged(_ what: String) -> StorageError {
      StorageError(.corruption, "A block of entries \(what).", file: file.path, offset: place.offset)
    }
    let block = Block.make(
      UnsafeRawBufferPointer(bytes.memory), isIndex: false, isForKeys: isForKeys,
      sequenceBase: properties.sequenceBase)
    guard let block, block.view.count > 0 else { throw damaged("is malformed") }
    let view = block.view
    guard view.compare(0, with: index, at: number) == 0 else {
      throw damaged("does not begin with the entry that the index says")
    }
    guard number + 1 == index.count || view.compare(view.count - 1, with: index, at: number + 1) < 0 else {
      throw damaged("holds an entry that does not sort before the following block's")
    }
    // Levels are searched by these bounds, and transactions validated by these numbers: entries outside would
    // be seen by some readers and not by others.
    guard view.sequences.lowerBound >= properties.smallestSequence,
      view.sequences.upperBound <= properties.largestSequence
    else { throw damaged("holds an entry whose sequence number is not within the segment's") }
    // Of all other blocks the index tells.
    guard number + 1 < index.count || properties.mayContain(view.key(at: view.count - 1)) else {
      throw damaged("holds a key that is not within the segment's bounds")
    }
    return block
  }
}
