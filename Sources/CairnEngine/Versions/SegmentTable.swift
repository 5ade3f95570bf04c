import CairnKV

/// The segments of a version, arranged for looking up a key: their bounds stand side by side in memory, by their
/// first eight bytes, and no reference to any of them is counted.
///
/// Counting would cost more than it seems to: all threads that read count in the same few places, the segments of
/// the upper levels, and wait for each other there. Arrays of classes do not go without it.
///
/// Invariant: `rows` are as many initialized rows as `starts` says, from `init` to `deinit`, and nobody writes to
/// them. Each file is kept by the `levels` of the version that has the table, and is used only while that version
/// is kept. The rows of level `n` are those from `starts[n]` up to `starts[n + 1]`, in the level's order.
struct SegmentTable: ~Copyable, @unchecked Sendable {
  /// The heads are those of ``BlockView/head(_:)``: they order like bounds as far as they differ.
  private struct Row {
    var lowerHead: UInt64
    var upperHead: UInt64
    var file: Unmanaged<SegmentFile>
  }

  private let rows: UnsafeMutableBufferPointer<Row>
  private let starts: UnsafeMutableBufferPointer<Int>
  /// How many levels there are down to the last that has a segment.
  private let usedCount: Int

  init(_ levels: [[SegmentFile]]) {
    rows = .allocate(capacity: levels.reduce(0) { $0 + $1.count })
    starts = .allocate(capacity: levels.count + 1)
    usedCount = (levels.lastIndex { !$0.isEmpty } ?? -1) + 1
    var end = 0
    for (level, segments) in levels.enumerated() {
      starts.initializeElement(at: level, to: end)
      for segment in segments {
        rows.initializeElement(
          at: end,
          to: Row(
            lowerHead: segment.properties.lowerBound.withUnsafeBytes { BlockView.head($0) },
            upperHead: segment.properties.upperBound.head, file: .passUnretained(segment)))
        end += 1
      }
    }
    starts.initializeElement(at: levels.count, to: end)
  }

  deinit {
    rows.deinitialize().deallocate()
    starts.deinitialize().deallocate()
  }

  /// Calls `body` with each segment whose bounds contain `key`, the newest first, until it finds something, and says
  /// whether it is of the deepest level.
  @inline(__always)
  func firstFound<Found>(
    _ key: UnsafeRawBufferPointer, _ body: (SegmentFile, _ isLast: Bool) throws(StorageError) -> Found?
  ) throws(StorageError) -> Found? {
    let head = BlockView.head(key)
    if usedCount == 0 { return nil }
    for index in starts[0]..<starts[1] where contains(index, key, head) {
      if let found = try call(body, index, isLast: false) { return found }
    }
    for level in 1..<max(1, usedCount) {
      let index = firstIndex(in: starts[level]..<starts[level &+ 1], notBefore: key, head)
      guard index < starts[level &+ 1], contains(index, key, head) else { continue }
      if let found = try call(body, index, isLast: level &+ 1 == usedCount) { return found }
    }
    return nil
  }

  @inline(__always)
  private func call<Found>(
    _ body: (SegmentFile, _ isLast: Bool) throws(StorageError) -> Found?, _ index: Int, isLast: Bool
  ) throws(StorageError) -> Found? {
    // What is handed out of a closure that lends the reference must not be thrown through it.
    var found: Found?
    var failure: StorageError?
    rows[index].file._withUnsafeGuaranteedRef { segment in
      do throws(StorageError) { found = try body(segment, isLast) } catch { failure = error }
    }
    if let failure { throw failure }
    return found
  }

  /// Whether the bounds of a row contain `key`.
  @inline(__always)
  private func contains(_ index: Int, _ key: UnsafeRawBufferPointer, _ head: UInt64) -> Bool {
    let row = rows[index]
    if head > row.lowerHead && head < row.upperHead { return true }
    if head < row.lowerHead || head > row.upperHead { return false }
    return row.file._withUnsafeGuaranteedRef { $0.properties.mayContain(key) }
  }

  /// The first of the rows of a sorted level that does not end before `key`; the end of `range` if all do.
  @inline(__always)
  private func firstIndex(
    in range: Range<Int>, notBefore key: UnsafeRawBufferPointer, _ head: UInt64
  ) -> Int {
    var low = range.lowerBound
    var high = range.upperBound
    while low < high {
      let middle = (low &+ high) &>> 1
      if endsBefore(middle, key, head) { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

  @inline(__always)
  private func endsBefore(_ index: Int, _ key: UnsafeRawBufferPointer, _ head: UInt64) -> Bool {
    let row = rows[index]
    if row.upperHead != head { return row.upperHead < head }
    return row.file._withUnsafeGuaranteedRef { $0.properties.upperBound.isBefore(key) }
  }
}

extension SegmentProperties.UpperBound {
  /// The ``BlockView/head(_:)`` of the bound; the greatest for none.
  fileprivate var head: UInt64 {
    switch self {
    case .inclusive(let bound), .exclusive(let bound): bound.withUnsafeBytes { BlockView.head($0) }
    case .unbounded: .max
    }
  }
}
