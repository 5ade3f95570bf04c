import CairnKV

/// Gathers what a repair finds lost, and tells which entries that makes doubtful.
///
/// A part that is lost may have held anything of its keys up to its last sequence number, removals too: so
/// an entry is doubtful if a part is lost that may have had its key at a greater number. That is the
/// question that range removals answer, and it is put the same way.
final class RepairFindings {
  private(set) var report = RepairReport()
  private var doubts = RangeTombstoneSet()
  private let limit: Int
  /// The row of doubtful keys that the last key looked at belongs to.
  private var row: (first: [UInt8], last: [UInt8])?

  init(limit: Int) {
    self.limit = max(0, limit)
  }

  /// - Parameter lastSequence: `nil` when it is not known, and so may be greater than any.
  func lose(
    _ part: RepairLoss.Part, _ error: StorageError, range: KeyRange, firstSequence: UInt64 = 1,
    lastSequence: UInt64?
  ) {
    report.lossCount += 1
    if report.losses.count < limit {
      report.losses.append(
        RepairLoss(
          part: part, file: error.file ?? "", offset: error.offset, range: range,
          firstSequence: firstSequence,
          lastSequence: lastSequence, message: error.message))
    }
    // A single value hides nothing else, and the manifest holds no removals.
    if part == .value || part == .manifest || range.isEmpty { return }
    doubts.insert(
      RangeTombstone(
        lower: range.lower, upper: range.upper, sequence: lastSequence ?? EntryTrailer.greatestStoredSequence)
    )
  }

  /// Whether something lost may have removed or overwritten an entry. To be asked in the order of keys.
  func isDoubtful(_ key: UnsafeRawBufferPointer, _ sequence: UInt64) -> Bool {
    guard doubts.newestCovering(key, visibleAt: .max) > sequence else {
      endRow()
      return false
    }
    report.doubtfulKeyCount += 1
    let key = [UInt8](key)
    row = (row?.first ?? key, key)
    return true
  }

  func countKey() { report.keyCount += 1 }

  func note(lastSequence: UInt64) { report.lastSequence = max(report.lastSequence, lastSequence) }

  func finish(hasDoubtful: Bool) -> RepairReport {
    endRow()
    report.hasDoubtful = hasDoubtful
    return report
  }

  private func endRow() {
    guard let row else { return }
    if report.doubtfulRanges.count < limit {
      report.doubtfulRanges.append(KeyRange(from: row.first, to: row.last + [0]))
    }
    self.row = nil
  }
}
