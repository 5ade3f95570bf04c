import CairnKV

/// Chooses the next compaction: of the level that exceeds its limit most; when none does, of the segment whose
/// compaction gives most back for what it costs, if that is enough.
///
/// Whatever is flushed meanwhile aside, this comes to an end. A compaction to the next level takes entries and
/// removals out of its level, and adds none to that level or one above; one within its level takes a segment
/// with nothing below it, all of whose garbage everybody can do without, and leaves none in it. So with the
/// number of entries and removals in each level written one after the other, from the top, every compaction
/// makes the row smaller in the first place that it changes; and a row of numbers cannot become smaller for
/// ever.
///
/// The same version, snapshots and estimates always give the same choice.
struct CompactionPicker {
  /// Level 0 is relieved when it has this many segments: each costs every read a look.
  var levelZeroSegments: Int
  /// What level 1 may hold; each further level ten times as much.
  var levelOneBytes: UInt64
  /// It is also relieved when the values that it refers to, in value files, take this much and at least what
  /// merging levels 0 and 1 would write: which older values are dead only a merge finds out, and merging
  /// handles costs little next to the space that it gives back.
  var levelZeroReferencedBytes: UInt64 = .max
  /// A segment that overlaps more than this two levels down is not moved but written anew, in pieces that each
  /// overlap less: or else compacting it the next time would take as much at once.
  var greatestOverlapBytes: UInt64 = .max

  /// What a choice depends on beside the version.
  struct Conditions {
    /// The oldest live snapshot: a removal that is newer hides nothing from it yet.
    var oldestSnapshot: UInt64?
    /// Nothing was written for a while: what is worth less may be done now.
    var isIdle = false
    /// Segments that are left alone unless their level is due: they could not be read.
    var excluded: Set<UInt64> = []
    /// What the range removals of a segment hide in the levels below it, in bytes.
    var hiddenBytes: (_ segment: SegmentFile, _ level: Int) -> Double = { _, _ in 0 }
  }

  struct Choice {
    var compaction: Compaction?
    /// Whether its level exceeds its limit.
    var isDue = false
    /// Whether there is more to do as soon as the oldest snapshot has gone.
    var isHeldBack = false
  }

  private static let levelFactor: UInt64 = 10

  /// How far a level exceeds its limit: from 1 on it is due.
  func score(_ version: Version, _ level: Int) -> Double {
    if level == 0 {
      let referenced = version.levels[0].reduce(0) { $0 + Double($1.properties.referencedBytes) }
      let merged = version.bytes(of: 0) + version.bytes(of: 1)
      return max(
        Double(version.levels[0].count) / Double(levelZeroSegments),
        referenced / Double(max(1, levelZeroReferencedBytes, merged)))
    }
    let limit = (1..<level).reduce(levelOneBytes) { limit, _ in limit * Self.levelFactor }
    return Double(version.bytes(of: level)) / Double(limit)
  }

  func pick(_ version: Version, _ conditions: Conditions = Conditions()) -> Choice {
    let due = (0..<VersionEdit.levelCount - 1).map { ($0, score(version, $0)) }.max { $0.1 < $1.1 }
    if let (level, score) = due, score >= 1 {
      let compaction =
        level == 0 ? pickLevelZero(version) : pickCheapest(of: level, version, conditions)
      return Choice(compaction: compaction, isDue: true)
    }
    if conditions.isIdle, isLevelZeroWorthMerging(version, conditions) {
      return Choice(compaction: pickLevelZero(version))
    }
    return pickGarbage(version, conditions)
  }

  /// Whether level 0 is the one to be relieved, or would be once no other is.
  func mergesLevelZero(_ version: Version, isIdle: Bool) -> Bool {
    score(version, 0) >= 1 || isIdle && isLevelZeroWorthMerging(version, Conditions(isIdle: true))
  }

  // MARK: Level 0

  /// Moves what can be moved; then merges all that is there.
  private func pickLevelZero(_ version: Version) -> Compaction? {
    let segments = version.levels[0]
    guard let first = segments.first else { return nil }
    // What was loaded in key order overlaps nothing: it is moved, not rewritten. What is newer may stay above
    // it. Two that are chosen do not overlap each other, or the newer one would overlap an older one.
    let movable = segments.enumerated().filter { index, segment in
      !segments[(index + 1)...].contains { $0.properties.overlaps(segment.properties) }
        && version.segments(of: 1, overlapping: segment.properties).isEmpty
        && overlapBytes(of: segment, in: 2, version) <= greatestOverlapBytes
    }
    if !movable.isEmpty {
      return Compaction(level: 0, targetLevel: 1, upper: movable.map(\.element), isMove: true)
    }
    // The outputs may lie anywhere between the outermost keys, so everything there has to be merged.
    var bounds = first.properties
    for segment in segments {
      let other = segment.properties
      if other.lowerBound.lexicographicallyPrecedes(bounds.lowerBound) {
        bounds.lowerBound = other.lowerBound
      }
      if SegmentProperties.UpperBound.isLower(bounds.upperBound, other.upperBound) {
        bounds.upperBound = other.upperBound
      }
    }
    return Compaction(
      level: 0, targetLevel: 1, upper: segments, lower: Array(version.segments(of: 1, overlapping: bounds)))
  }

  /// What an idle store may write anew for each byte of level 0 that it merges without need: more, and one that is
  /// written a little now and then would write all of level 1 each time.
  private static let greatestIdleCost: UInt64 = 4

  /// Whether something in level 0 may hide other things, here or below; or whether every read can be spared a look
  /// at what was flushed, at a cost in proportion to that.
  private func isLevelZeroWorthMerging(_ version: Version, _ conditions: Conditions) -> Bool {
    let segments = version.levels[0]
    if segments.contains(where: { conditions.excluded.contains($0.number) }) { return false }
    if segments.contains(where: { $0.properties.hasGarbage || $0.properties.referencedBytes > 0 }) {
      return true
    }
    let below = version.bytes(of: 1)
    guard segments.count > 1 || segments.count == 1 && below > 0 else { return false }
    return below / Self.greatestIdleCost <= version.bytes(of: 0)
  }

  // MARK: The other levels

  /// Of a level that has to shrink: first what consists of removals to a good part, then whatever overlaps
  /// least below for its size.
  private func pickCheapest(
    of level: Int, _ version: Version, _ conditions: Conditions
  ) -> Compaction? {
    let segments = version.levels[level]
    var best: (segment: SegmentFile, gain: Double, ratio: Double)?
    for segment in segments {
      let size = max(Double(segment.properties.fileBytes), 1)
      let ratio = Double(overlapBytes(of: segment, in: level + 1, version)) / size
      var gain = 0.0
      if isFree(segment, conditions), segment.properties.hasGarbage {
        gain = estimate(segment, level, version, conditions).gain
        if gain < GarbageEstimate.leastGain { gain = 0 }
      }
      // Of equals the first one by key.
      if best.map({ gain > $0.gain || gain == $0.gain && ratio < $0.ratio }) ?? true {
        best = (segment, gain, ratio)
      }
    }
    return best.map { relieve($0.segment, at: level, version) }
  }

  /// Of all levels below level 0, the segment that gives back most for what its compaction costs.
  private func pickGarbage(_ version: Version, _ conditions: Conditions) -> Choice {
    let least = conditions.isIdle ? GarbageEstimate.leastIdleGain : GarbageEstimate.leastGain
    var choice = Choice()
    var best = 0.0
    for level in 1..<version.levels.count {
      for segment in version.levels[level] {
        let mayGain =
          segment.properties.hasGarbage || conditions.isIdle && level < version.levels.count - 1
        guard mayGain, !conditions.excluded.contains(segment.number) else { continue }
        let estimate = estimate(segment, level, version, conditions)
        let isWorthIt =
          estimate.gain >= least && (segment.properties.hasGarbage || !estimate.isDeepest)
        guard isWorthIt, estimate.gain > best else { continue }
        guard isFree(segment, conditions) else {
          choice.isHeldBack = true
          continue
        }
        best = estimate.gain
        choice.compaction =
          estimate.isDeepest
          ? Compaction(level: level, targetLevel: level, upper: [segment])
          : relieve(segment, at: level, version)
      }
    }
    return choice
  }

  private func estimate(
    _ segment: SegmentFile, _ level: Int, _ version: Version, _ conditions: Conditions
  ) -> GarbageEstimate {
    let hidden = segment.hasRangeRemovals ? conditions.hiddenBytes(segment, level) : 0
    return GarbageEstimate(
      of: segment, at: level, in: version, hiddenBytes: hidden, isIdle: conditions.isIdle)
  }

  /// Whether every live snapshot sees all of the segment, so that it keeps nothing back.
  private func isFree(_ segment: SegmentFile, _ conditions: Conditions) -> Bool {
    conditions.oldestSnapshot.map { segment.properties.largestSequence <= $0 } ?? true
  }

  private func relieve(_ segment: SegmentFile, at level: Int, _ version: Version) -> Compaction {
    let lower = version.segments(of: level + 1, overlapping: segment.properties)
    return Compaction(
      level: level, targetLevel: level + 1, upper: [segment], lower: Array(lower),
      isMove: lower.isEmpty && overlapBytes(of: segment, in: level + 2, version) <= greatestOverlapBytes)
  }

  private func overlapBytes(of segment: SegmentFile, in level: Int, _ version: Version) -> UInt64 {
    guard level < version.levels.count else { return 0 }
    return version.segments(of: level, overlapping: segment.properties).reduce(0) {
      $0 + $1.properties.fileBytes
    }
  }
}
