/// Decides where one output segment ends and the next begins. Asked between keys only, in their order: all
/// versions of a key are in one segment, or a reader that finds one of them would miss the others. So a key
/// with very many versions makes a segment as large as it takes.
///
/// A segment ends when it has reached its target. Where keys have prefixes it ends at the first change of
/// prefix from three quarters of the target on, and at four thirds of it at the latest: so scans of one prefix
/// open fewer segments, and a removal of one mostly covers whole segments. It also ends when it overlaps too
/// much of the level after its own, which the next compaction will have to merge it with.
struct OutputCuts {
  private let softBytes: UInt64
  private let targetBytes: UInt64
  private let hardBytes: UInt64
  private let rule: PrefixRule
  private let below: [SegmentFile]
  private let greatestOverlapBytes: UInt64
  private var nextBelow = 0
  private var overlapBytes: UInt64 = 0

  /// - Parameters:
  ///   - below: the segments of the level after the outputs' that they may overlap, in order.
  ///   - greatestOverlapBytes: how much of them one output may overlap, as far as whole ones go.
  init(targetBytes: UInt64, rule: PrefixRule, below: [SegmentFile] = [], greatestOverlapBytes: UInt64 = .max)
  {
    self.targetBytes = targetBytes
    softBytes = targetBytes - targetBytes / 4
    let (hardBytes, isBeyond) = targetBytes.addingReportingOverflow(targetBytes / 3)
    self.hardBytes = isBeyond ? .max : hardBytes
    self.rule = rule
    self.below = below
    self.greatestOverlapBytes = greatestOverlapBytes
  }

  /// Whether the segment that ends with `last` ends before `key`.
  ///
  /// - Parameters:
  ///   - last: the last key of the segment; `nil` when it has none, and only a range removal reaches to here.
  ///   - bytes: how large the segment is.
  mutating func isCut(
    before key: UnsafeRawBufferPointer, after last: @autoclosure () -> [UInt8]?, bytes: UInt64
  ) -> Bool {
    pass(to: key)
    if overlapBytes > greatestOverlapBytes { return true }
    guard bytes >= softBytes else { return false }
    return bytes >= hardBytes || isBoundary(key, last(), bytes)
  }

  /// How much can be added to a segment of so many bytes without its ending, whatever the keys are.
  func uncutBytes(after bytes: UInt64) -> UInt64 {
    // Until all that lies below is passed by, each key has to be looked at.
    nextBelow < below.count || overlapBytes > greatestOverlapBytes || bytes >= softBytes
      ? 0 : softBytes - bytes
  }

  /// A segment begins: what was passed by so far is not in it.
  mutating func beginSegment() { overlapBytes = 0 }

  /// No segment reaches from before `key` to it.
  mutating func skip(to key: UnsafeRawBufferPointer) {
    pass(to: key)
    overlapBytes = 0
  }

  @inline(__always)
  private mutating func pass(to key: UnsafeRawBufferPointer) {
    while nextBelow < below.count, below[nextBelow].properties.upperBound.isBefore(key) {
      overlapBytes &+= below[nextBelow].properties.fileBytes
      nextBelow += 1
    }
  }

  private func isBoundary(_ key: UnsafeRawBufferPointer, _ last: [UInt8]?, _ bytes: UInt64) -> Bool {
    guard let last else { return bytes >= targetBytes }
    return last.withUnsafeBytes { last in
      guard let before = rule.prefix(of: last), let after = rule.prefix(of: key) else {
        return bytes >= targetBytes
      }
      return EntryOrder.compare(before, after) != 0
    }
  }
}
