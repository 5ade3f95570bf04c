/// What compacting a segment further down would give back, and what it would cost, both in bytes and only
/// estimated: what removals really find below shows when it is read.
struct GarbageEstimate {
  /// What goes for certain, and what removals of the segment may let go below it.
  var benefit: Double
  /// What has to be written, at most.
  var cost: Double
  /// Whether no deeper level has a key within the segment's bounds.
  var isDeepest: Bool

  /// While there is other work, half of what is written must be worth it; when there is none, an eighth.
  static let leastGain = 0.5
  static let leastIdleGain = 0.125

  var gain: Double { benefit / max(cost, 1) }

  /// - Parameters:
  ///   - hiddenBytes: what its range removals hide in deeper levels.
  ///   - isIdle: whether it counts as well that its values may take the place of others far below, in value
  ///     files, which only a merge finds out.
  init(
    of segment: SegmentFile, at level: Int, in version: Version, hiddenBytes: Double, isIdle: Bool
  ) {
    let properties = segment.properties
    let removals = Double(properties.removalCount)
    let superseded = Double(properties.supersededCount)
    let tombstones = Double(properties.tombstoneCount)
    let entries = max(Double(properties.entryCount), 1)
    benefit = (removals + superseded + tombstones) / (entries + tombstones) * Double(properties.fileBytes)
    benefit += superseded / entries * Double(properties.referencedBytes)
    cost = Double(properties.fileBytes)
    isDeepest = true
    var belowBytes = 0.0
    var belowReferenced = 0.0
    var belowEntries = 0.0
    for deeper in level + 1..<max(level + 1, version.levels.count) {
      for below in version.segments(of: deeper, overlapping: properties) {
        isDeepest = false
        belowBytes += Double(below.properties.fileBytes)
        belowReferenced += Double(below.properties.referencedBytes)
        belowEntries += Double(below.properties.entryCount)
        if deeper == level + 1 { cost += Double(below.properties.fileBytes) }
      }
    }
    guard !isDeepest else { return }
    belowEntries = max(belowEntries, 1)
    benefit += min(removals, belowEntries) / belowEntries * (belowBytes + belowReferenced)
    benefit += hiddenBytes
    if isIdle {
      benefit += min(Double(properties.valueCount), belowEntries) / belowEntries * belowReferenced
    }
  }
}

extension SegmentProperties {
  /// Whether something in the segment is there only to hide other things, or only for snapshots.
  var hasGarbage: Bool { removalCount > 0 || tombstoneCount > 0 || supersededCount > 0 }
}
