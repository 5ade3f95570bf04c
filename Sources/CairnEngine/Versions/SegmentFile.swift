import CairnKV
import Synchronization

/// A segment that some version of the store consists of. Opened when it is read, and closed again when it
/// was not for long.
///
/// The last reference decides when the file goes: a segment that no version needs any more is marked
/// obsolete, and is removed when the last reader that might still look into it lets go.
final class SegmentFile: Sendable {
  let properties: SegmentProperties
  private let openSegments: OpenSegments
  private let reclaimer: FileReclaimer?
  private let slot = SegmentSlot()
  private let obsolete = Atomic<Bool>(false)

  init(_ properties: SegmentProperties, openSegments: OpenSegments, reclaimer: FileReclaimer?) {
    self.properties = properties
    self.openSegments = openSegments
    self.reclaimer = reclaimer
  }

  deinit {
    let isObsolete = obsolete.load(ordering: .acquiring)
    openSegments.forget(slot, of: properties, isObsolete: isObsolete)
    if isObsolete { reclaimer?.reclaim(.segment(properties.fileNumber), bytes: properties.fileBytes) }
  }

  var number: UInt64 { properties.fileNumber }
  var hasRangeRemovals: Bool { properties.tombstoneCount > 0 }

  /// The open segment, which stays open for as long as the reference is kept.
  @inline(__always)
  func reader() throws(StorageError) -> SegmentReader { try openSegments.reader(in: slot, of: properties) }

  /// The newest entry of `key` whose sequence is at most `sequence`; see ``SegmentReader``. Range removals are not
  /// looked at.
  @inline(__always)
  func find(
    _ key: UnsafeRawBufferPointer, hash: UInt64, visibleAt sequence: UInt64, isLast: Bool
  ) throws(StorageError) -> PointLookup? {
    try openSegments.find(key, hash: hash, visibleAt: sequence, isLast: isLast, in: slot, of: properties)
  }

  /// The file may be removed once nobody refers to it.
  func markObsolete() { obsolete.store(true, ordering: .releasing) }
}
