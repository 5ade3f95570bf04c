import CairnKV
import Synchronization

/// Where the reader of a segment is while the segment is open.
///
/// Taking the reader is wait-free: a *pin* keeps the slot from being emptied for as long as it takes to count
/// a reference more, and from then on the reference keeps the reader, and its file, whatever becomes of the
/// slot. A lock around the reference would do, but threads would wait for each other on the hottest
/// segments, and for good while the one that holds it is not running.
///
/// `gate` is twice the number of pins, plus 1 while the slot is full.
///
/// Invariant: `content` is written by the holder of `changes` alone, and only while the gate says "not full";
/// it is read only under a pin that was taken while the gate said "full". The slot is emptied by an exchange
/// of exactly 1, so never while it is pinned. `content` owns one reference.
final class SegmentSlot: Sendable {
  private let gate = Atomic<Int>(0)
  nonisolated(unsafe) private var content: Unmanaged<SegmentReader>?
  private let changes = Mutex(())
  private let lastUse = Atomic<UInt64>(0)

  deinit { content?.release() }

  /// The reader; `nil` while there is none.
  @inline(__always)
  var reader: SegmentReader? {
    let before = gate.add(2, ordering: .acquiring).oldValue
    defer { gate.subtract(2, ordering: .releasing) }
    return before & 1 == 1 ? content?.takeUnretainedValue() : nil
  }

  /// The reader, made by `open` if there is none. Threads that come at the same time wait for the first.
  /// - Returns: the reader, and whether it was made here.
  func fill(
    _ open: () throws(StorageError) -> SegmentReader
  ) throws(StorageError) -> (reader: SegmentReader, isNew: Bool) {
    try changes.withLock { (_) throws(StorageError) in
      if let reader { return (reader, false) }
      let reader = try open()
      content = .passRetained(reader)
      gate.add(1, ordering: .releasing)
      return (reader, true)
    }
  }

  /// Empties the slot, unless it is empty, being filled, or someone is taking the reader right now.
  /// - Returns: what was in it. The file is closed when the last reference to it goes.
  func empty() -> SegmentReader? {
    let emptied = changes.withLockIfAvailable { _ -> Unmanaged<SegmentReader>? in
      let (isExclusive, _) = gate.compareExchange(expected: 1, desired: 0, ordering: .acquiringAndReleasing)
      guard isExclusive else { return nil }
      defer { content = nil }
      return content
    }
    return emptied??.takeRetainedValue()
  }

  /// When the reader was last taken, in openings of segments.
  var lastUsed: UInt64 { lastUse.load(ordering: .relaxed) }

  /// Notes that the reader is used. Mostly it is noted already, and then nothing is written.
  @inline(__always)
  func markUsed(at time: UInt64) {
    if lastUse.load(ordering: .relaxed) != time { lastUse.store(time, ordering: .relaxed) }
  }
}
