import CairnKV
import Synchronization

/// The newest entries, in memory: a skip list for keys, a set for range removals.
///
/// One thread at a time writes (the commit leader); readers take no lock, but for a short one to copy the
/// reference to the range removals when there are any. Entries become visible to readers only through the
/// sequence number that they read at, so a group may be applied before it is durable.
final class Memtable: Sendable {
  private let list: SkipList
  private let removals = Mutex(RangeTombstoneSet())
  private let removalCount = Atomic<Int>(0)
  private let greatestSequence = Atomic<UInt64>(0)
  private let logged = Atomic<UInt64>(0)

  /// The oldest log that holds entries of this memtable: it and the later ones are needed until this is
  /// flushed.
  let oldestLog: UInt64

  /// - Parameter pool: where its memory comes from and goes to; `nil` for the system.
  init(oldestLog: UInt64, firstChunkBytes: Int = 256 << 10, pool: PagePool? = nil) {
    self.oldestLog = oldestLog
    list = SkipList(firstChunkBytes: firstChunkBytes, pool: pool)
  }

  // MARK: Writing

  /// - Parameter inPlace: Whether the value is left where it is, in memory that ``adopt(_:)`` is given soon.
  func insert(
    key: UnsafeRawBufferPointer, trailer: EntryTrailer, value: UnsafeRawBufferPointer, inPlace: Bool = false
  ) {
    list.insert(key: key, trailer: trailer, value: value, inPlace: inPlace)
    greatestSequence.store(
      max(greatestSequence.load(ordering: .relaxed), trailer.sequence), ordering: .relaxed)
  }

  func insert(_ tombstone: RangeTombstone) {
    removals.withLock { $0.insert(tombstone) }
    removalCount.add(1, ordering: .releasing)
    greatestSequence.store(
      max(greatestSequence.load(ordering: .relaxed), tombstone.sequence), ordering: .relaxed)
  }

  /// An empty one, whose memory grows in steps that suit its limit.
  convenience init(oldestLog: UInt64, _ options: EngineOptions, pool: PagePool) {
    self.init(oldestLog: oldestLog, firstChunkBytes: options.memtableFirstChunkBytes, pool: pool)
  }

  /// Has entries gathered until ``finishGathering()``: for many in no order, while nobody reads.
  func beginGathering() { list.gather() }
  func finishGathering() { list.linkGathered() }

  /// Takes over memory in which values of its entries stand.
  func adopt(_ memory: PageMemory) { list.arena.adopt(memory) }

  /// Notes what a group of its entries took in the log.
  func note(loggedBytes: UInt64) { logged.wrappingAdd(loggedBytes, ordering: .relaxed) }

  // MARK: Reading

  /// What it takes from the system, in bytes.
  var reservedBytes: Int { list.arena.reservedBytes }
  /// What its entries take in memory or in the log, whichever is more: that much makes room when it is flushed.
  var fillBytes: UInt64 { max(UInt64(reservedBytes), logged.load(ordering: .relaxed)) }
  var entryCount: Int { list.count }
  var rangeRemovalCount: Int { removalCount.load(ordering: .acquiring) }
  var isEmpty: Bool { entryCount == 0 && rangeRemovalCount == 0 }
  /// The sequence number of the newest entry, published or not; 0 when empty.
  var newestSequence: UInt64 { greatestSequence.load(ordering: .relaxed) }

  func makeCursor() -> SourceCursor { SkipListCursor(list) }

  /// The range removals added so far.
  var rangeRemovals: RangeTombstoneSet {
    rangeRemovalCount == 0 ? RangeTombstoneSet() : removals.withLock { $0 }
  }

  /// The newest entry of `key` that is not newer than `sequence`. Its value is good for as long as the
  /// memtable lives.
  func find(_ key: UnsafeRawBufferPointer, visibleAt sequence: UInt64) -> PointLookup? {
    guard let node = list.firstNode(atOrAfter: key, .newest(visibleAt: sequence)),
      EntryOrder.compare(node.key, key) == 0
    else { return nil }
    return PointLookup(trailer: node.trailer, value: node.value, block: nil)
  }

  /// Whether it has an entry in `range`, or a range removal that touches it, published or not.
  func overlaps(_ range: KeyRange) throws(StorageError) -> Bool {
    if range.isEmpty || isEmpty { return false }
    if rangeRemovals.hasRemoval(newerThan: 0, from: range.lower, to: range.upper) { return true }
    return try makeCursor().hasEntry(in: range)
  }

  /// The sequence number of the newest entry of `key`, published or not; 0 when there is none.
  func newestSequence(of key: UnsafeRawBufferPointer) -> UInt64 {
    guard let node = list.firstNode(atOrAfter: key, .newest), EntryOrder.compare(node.key, key) == 0 else {
      return 0
    }
    return node.trailer.sequence
  }
}
