import CairnKV

/// What one compaction takes, and where it puts it.
struct Compaction {
  /// The level that is relieved.
  var level: Int
  var upper: [SegmentFile]
  /// The segments of the next level that share keys with them.
  var lower: [SegmentFile]

  var inputs: [SegmentFile] { upper + lower }
  /// The level that is written to.
  var targetLevel: Int { level + 1 }
  /// All keys between the outermost of its inputs: an output may span keys that no input has.
  var range: KeyRange {
    inputs.dropFirst().reduce(inputs.first?.properties.range ?? KeyRange(from: [], to: [])) {
      $0.hull($1.properties.range)
    }
  }
  /// Nothing to merge with: the segment only changes its level.
  var isTrivialMove: Bool { upper.count == 1 && lower.isEmpty }
}

/// Chooses the next compaction: of the level that exceeds its limit most.
struct CompactionPicker {
  /// Level 0 is relieved when it has this many segments: each costs every read a look.
  var levelZeroSegments: Int
  /// What level 1 may hold; each further level ten times as much.
  var levelOneBytes: UInt64
  /// It is also relieved when the values that it refers to, in value files, take this much and at least what
  /// merging levels 0 and 1 would write: which older values are dead only a merge finds out, and merging
  /// handles costs little next to the space that it gives back.
  var levelZeroReferencedBytes: UInt64
  /// For each level, the lower bound of what was compacted last: the next one goes on from there, round and
  /// round.
  private var lastCompacted: [Int: [UInt8]] = [:]

  private static let levelFactor: UInt64 = 10

  init(levelZeroSegments: Int, levelOneBytes: UInt64, levelZeroReferencedBytes: UInt64 = .max) {
    self.levelZeroReferencedBytes = levelZeroReferencedBytes
    self.levelZeroSegments = levelZeroSegments
    self.levelOneBytes = levelOneBytes
  }

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

  /// The compaction that is due most; `nil` when none is.
  mutating func pick(_ version: Version) -> Compaction? {
    let due = (0..<VersionEdit.levelCount - 1).map { ($0, score(version, $0)) }.max { $0.1 < $1.1 }
    guard let (level, score) = due, score >= 1 else { return nil }
    if level == 0 { return pickLevelZero(version) }
    let segments = version.levels[level]
    let next = lastCompacted[level].flatMap { last in
      segments.first { last.lexicographicallyPrecedes($0.properties.lowerBound) }
    }
    guard let chosen = next ?? segments.first else { return nil }
    lastCompacted[level] = chosen.properties.lowerBound
    return Compaction(
      level: level, upper: [chosen],
      lower: version.levels[level + 1].filter { $0.properties.overlaps(chosen.properties) })
  }

  private func pickLevelZero(_ version: Version) -> Compaction? {
    let segments = version.levels[0]
    guard let oldest = segments.last else { return nil }
    // What was loaded in key order overlaps nothing: it is moved, not rewritten.
    let isAlone = segments.dropLast().allSatisfy { !$0.properties.overlaps(oldest.properties) }
    let below = version.levels[1]
    if isAlone && below.allSatisfy({ !$0.properties.overlaps(oldest.properties) }) {
      return Compaction(level: 0, upper: [oldest], lower: [])
    }
    // The outputs may lie anywhere between the outermost keys, so everything there has to be merged.
    var bounds = oldest.properties
    for segment in segments {
      let other = segment.properties
      if other.lowerBound.lexicographicallyPrecedes(bounds.lowerBound) {
        bounds.lowerBound = other.lowerBound
      }
      if SegmentProperties.UpperBound.isLower(bounds.upperBound, other.upperBound) {
        bounds.upperBound = other.upperBound
      }
    }
    return Compaction(level: 0, upper: segments, lower: below.filter { $0.properties.overlaps(bounds) })
  }
}
