import CairnKV
import Synchronization

/// Where the reader of a segment is while the segment is open.
///
/// Taking the reader is wait-free: a *pin* keeps the slot from being emptied for as long as it takes to count
/// a reference more, or for as long as a look-up lasts, and then no reference need be counted. From when it is
/// counted on, a reference keeps the reader, and its file, whatever becomes of the slot. A lock around the
/// reference would do, but threads would wait for each other on the hottest segments, and for good while the one
/// that holds it is not running.
///
/// There is a gate in each lane: twice the number of its pins, plus 1 while the slot is full.
///
/// Invariant: `content` is written by the holder of `changes` alone, and only while all gates say "not full";
/// it is read only under a pin that was taken while its gate said "full". A gate is closed by an exchange of
/// exactly 1, so never while it is pinned, and the slot is emptied only once all are closed. `content` owns one
/// reference.
final class SegmentSlot: Sendable {
  private let gates = Lanes { Atomic<Int>(0) }
  nonisolated(unsafe) private var content: Unmanaged<SegmentReader>?
  private let changes = Mutex(())
  private let lastUse = Atomic<UInt64>(0)

  deinit { content?.release() }

  /// The reader; `nil` while there is none.
  var reader: SegmentReader? {
    var reader: SegmentReader?
    withReader { reader = $0 }
    return reader
  }

  /// Calls `body` with the reader, which stays open meanwhile.
  /// - Returns: `false`, and nothing was called, while there is none.
  @inline(__always) @discardableResult
  func withReader(lane: Int = Lanes<Atomic<Int>>.own, _ body: (SegmentReader) -> Void) -> Bool {
    let gate = gates[lane]
    let before = gate.pointee.add(2, ordering: .acquiring).oldValue
    defer { gate.pointee.subtract(2, ordering: .releasing) }
    guard before & 1 == 1, let content else { return false }
    content._withUnsafeGuaranteedRef { body($0) }
    return true
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
      for lane in 0..<Lanes<Atomic<Int>>.count { gates[lane].pointee.add(1, ordering: .releasing) }
      return (reader, true)
    }
  }

  /// Empties the slot, unless it is empty, being filled, or someone is taking the reader right now.
  /// - Returns: what was in it. The file is closed when the last reference to it goes.
  func empty() -> SegmentReader? {
    let emptied = changes.withLockIfAvailable { _ -> Unmanaged<SegmentReader>? in
      guard closeGates() else { return nil }
      defer { content = nil }
      return content
    }
    return emptied??.takeRetainedValue()
  }

  /// Closes all gates, or none if someone is at one. Under `changes`.
  private func closeGates() -> Bool {
    for lane in 0..<Lanes<Atomic<Int>>.count {
      let (isClosed, _) = gates[lane].pointee.compareExchange(
        expected: 1, desired: 0, ordering: .acquiringAndReleasing)
      if isClosed { continue }
      for closed in 0..<lane { gates[closed].pointee.add(1, ordering: .releasing) }
      return false
    }
    return true
  }

  /// When the reader was last taken, in openings of segments.
  var lastUsed: UInt64 { lastUse.load(ordering: .relaxed) }

  /// Notes that the reader is used. Mostly it is noted already, and then nothing is written.
  @inline(__always)
  func markUsed(at time: UInt64) {
    if lastUse.load(ordering: .relaxed) != time { lastUse.store(time, ordering: .relaxed) }
  }
}
