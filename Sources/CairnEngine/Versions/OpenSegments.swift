import CairnKV
import Synchronization

/// Opens segments, and closes those that were not used for longest when too many are open or when what they
/// keep in memory exceeds its share.
///
/// What an open segment keeps is charged to the block cache by its reader, for as long as that lives; here is
/// decided only which segments stay open. A reader that a cursor still holds goes with the cursor: the limits
/// hold for what is kept for later, and what is in use comes on top.
///
/// Time is counted in openings, since nothing is closed but when something is opened.
final class OpenSegments: Sendable {
  let cache: BlockCache
  /// How many segments are kept open.
  let fileLimit: Int
  /// What they may keep in memory together.
  let byteLimit: Int

  private struct State {
    var slots: [ObjectIdentifier: (slot: SegmentSlot, bytes: Int)] = [:]
    var bytes = 0
  }

  private let directory: StoreDirectory
  private let state = Mutex(State())
  private let openings = Atomic<UInt64>(0)

  init(directory: StoreDirectory, cache: BlockCache, fileLimit: Int) {
    self.directory = directory
    self.cache = cache
    self.fileLimit = fileLimit
    byteLimit = cache.capacityBytes / 2
  }

  /// How many segments are kept open now.
  var count: Int { state.withLock { $0.slots.count } }
  /// What they keep in memory.
  var bytes: Int { state.withLock { $0.bytes } }

  /// The reader in `slot`, which is that of the segment with these properties. Opens it if need be.
  @inline(__always)
  func reader(in slot: SegmentSlot, of properties: SegmentProperties) throws(StorageError) -> SegmentReader {
    slot.markUsed(at: openings.load(ordering: .relaxed))
    if let reader = slot.reader { return reader }
    return try open(properties, slot)
  }

  /// What the segment's reader knows of a key. While it is open, nothing but the block is counted that the
  /// answer stands in.
  @inline(__always)
  func find(
    _ key: UnsafeRawBufferPointer, hash: UInt64, visibleAt sequence: UInt64, isLast: Bool,
    in slot: SegmentSlot,
    of properties: @autoclosure () -> SegmentProperties
  ) throws(StorageError) -> PointLookup? {
    slot.markUsed(at: openings.load(ordering: .relaxed))
    var found: PointLookup?
    var failure: StorageError?
    let isOpen = slot.withReader { reader in
      do throws(StorageError) {
        found = try reader.find(key, hash: hash, visibleAt: sequence, isLast: isLast)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return isOpen ? found : try open(properties(), slot).find(key, hash: hash, visibleAt: sequence)
  }

  @inline(never)
  private func open(_ properties: SegmentProperties, _ slot: SegmentSlot) throws(StorageError)
    -> SegmentReader
  {
    let (reader, isNew) = try slot.fill { () throws(StorageError) in
      let file = try directory.open(.segment(properties.fileNumber), .read)
      let reader = try SegmentReader(
        file: file, fileNumber: properties.fileNumber, sequenceBase: properties.sequenceBase, cache: cache)
      guard reader.properties == properties else {
        throw StorageError(
          .corruption, "the segment is not the one that the manifest describes; restore it from a backup",
          file: file.path)
      }
      return reader
    }
    if isNew { admit(slot, bytes: reader.memoryBytes) }
    return reader
  }

  /// Counts a slot that was filled, and empties others until the limits hold.
  private func admit(_ slot: SegmentSlot, bytes: Int) {
    let now = openings.add(1, ordering: .relaxed).newValue
    slot.markUsed(at: now)
    // Let go of outside the lock: closing a file may take its time.
    let closed = state.withLock { state in
      var closed: [SegmentReader] = []
      // Every step either closes a segment or finds one in use, which is then not chosen again soon.
      for _ in 0..<state.slots.count
      where state.slots.count >= fileLimit || state.bytes + bytes > byteLimit {
        let oldest = state.slots.min { $0.value.slot.lastUsed < $1.value.slot.lastUsed }
        guard let (key, candidate) = oldest else { break }
        guard let reader = candidate.slot.empty() else {
          candidate.slot.markUsed(at: now)
          continue
        }
        closed.append(reader)
        state.slots[key] = nil
        state.bytes -= candidate.bytes
      }
      state.slots[ObjectIdentifier(slot)] = (slot, bytes)
      state.bytes += bytes
      return closed
    }
    withExtendedLifetime(closed) {}
  }

  /// Stops counting the slot of a segment that nobody will open again, and drops its blocks.
  func forget(_ slot: SegmentSlot, of properties: SegmentProperties, isObsolete: Bool) {
    let forgotten = state.withLock { state in
      let forgotten = state.slots.removeValue(forKey: ObjectIdentifier(slot))
      state.bytes -= forgotten?.bytes ?? 0
      return forgotten
    }
    withExtendedLifetime(forgotten) {}
    if isObsolete { cache.erase(segment: properties.fileNumber) }
  }
}
