import CairnKV

/// Verifies that levels stand in the order in which look-ups go through them.
struct LevelVerifier {
  /// From level 0 on.
  let levels: [[SegmentProperties]]
  let directory: StoreDirectory
  let run: VerificationRun

  /// Below level 0 no two segments share a key, by their bounds.
  func verifyOrder() {
    for (level, segments) in levels.enumerated().dropFirst() {
      for (segment, following) in zip(segments, segments.dropFirst()) {
        run.require(
          .levelOrder, segment.upperBound.isBefore(following.lowerBound),
          file: directory.path(of: .segment(following.fileNumber)),
          "the segment begins before segment \(segment.fileNumber) of level \(level) has ended")
      }
    }
  }

  /// For every key, what comes first in a look-up is at least as new as what comes later. (As new: a log
  /// that was replayed after its flush may have put an entry into a second segment.) Reads all segments side
  /// by side, a block of each at a time; what is damaged is passed over.
  func verifyAge() throws(StorageError) {
    let sources = (levels.first ?? []).map { [$0] } + levels.dropFirst().filter { !$0.isEmpty }
    let cursors = sources.map {
      SalvageCursor($0, directory: directory, decompressor: run.decompressor, run: run)
    }
    for cursor in cursors { try cursor.seekToFirst() }
    var key = AppendBuffer(capacity: 64)
    var place: Int?
    while let next = first(of: cursors) {
      let cursor = cursors[next]
      if let last = place, EntryOrder.compare(cursor.key, key.bytes) == 0 {
        run.count(.levelAge)
        if next < last {
          run.note(
            .levelAge, file: cursor.path, offset: cursor.blockOffset,
            "a key has an older entry here than where a look-up comes to later")
        }
      } else {
        key.replaceContents(with: cursor.key)
      }
      place = next
      if run.isCancelled { return }
      try cursor.next()
    }
  }

  /// Which cursor stands at the least entry; of equal ones the first.
  private func first(of cursors: [SalvageCursor]) -> Int? {
    var best: Int?
    for (index, cursor) in cursors.enumerated() where cursor.isValid {
      guard let leader = best else {
        best = index
        continue
      }
      let order = EntryOrder.compare(cursor.key, cursor.trailer, cursors[leader].key, cursors[leader].trailer)
      if order < 0 { best = index }
    }
    return best
  }
}
