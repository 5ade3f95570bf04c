import CairnKV
import Synchronization

/// A segment that some version of the store consists of. Opened when it is first read.
///
/// The last reference decides when the file goes: a segment that no version needs any more is marked
/// obsolete, and is removed when the last reader that might still look into it lets go.
final class SegmentFile: Sendable {
  /// A segment that was opened.
  final class Opened: Sendable {
    let reader: SegmentReader
    let removals: RangeTombstoneSet

    init(_ reader: SegmentReader) {
      self.reader = reader
      removals = RangeTombstoneSet(reader.rangeTombstones)
    }
  }

  let properties: SegmentProperties
  private let directory: StoreDirectory
  private let cache: BlockCache
  private let reclaimer: FileReclaimer
  private let openedOnce = AtomicLazyReference<Opened>()
  private let obsolete = Atomic<Bool>(false)

  init(
    _ properties: SegmentProperties, directory: StoreDirectory, cache: BlockCache, reclaimer: FileReclaimer
  ) {
    self.properties = properties
    self.directory = directory
    self.cache = cache
    self.reclaimer = reclaimer
  }

  deinit {
    if obsolete.load(ordering: .acquiring) { reclaimer.reclaim(.segment(properties.fileNumber)) }
  }

  var number: UInt64 { properties.fileNumber }
  var hasRangeRemovals: Bool { properties.tombstoneCount > 0 }

  /// The open segment. Two threads that are first at the same time both open it; one of the two is kept.
  func opened() throws(StorageError) -> Opened {
    if let opened = openedOnce.load() { return opened }
    let file = try directory.open(.segment(number), .read)
    let reader = try SegmentReader(file: file, fileNumber: number, cache: cache)
    guard reader.properties == properties else {
      throw StorageError(
        .corruption, "the segment is not the one that the manifest describes; restore it from a backup",
        file: file.path)
    }
    return openedOnce.storeIfNil(Opened(reader))
  }

  /// The file may be removed once nobody refers to it.
  func markObsolete() { obsolete.store(true, ordering: .releasing) }
}

/// Removes files that are needed no more, on a background queue.
final class FileReclaimer: Sendable {
  private let directory: StoreDirectory
  private let queue: any BackgroundQueue

  init(directory: StoreDirectory, queue: any BackgroundQueue) {
    self.directory = directory
    self.queue = queue
  }

  /// A removal that fails is left to the next opening, which removes every file that the manifest does not
  /// list.
  func reclaim(_ entry: StoreDirectory.Entry) {
    let directory = directory
    queue.submit { try? directory.remove(entry) }
  }
}
