import CairnKV

/// What one compaction takes, and where it puts it.
struct Compaction {
  /// The level that is relieved.
  var level: Int
  /// Where the outputs go: the next level; or the same one, for a segment that has nothing below and is only
  /// written anew without its garbage.
  var targetLevel: Int
  var upper: [SegmentFile]
  /// The segments of the target level that share keys with them.
  var lower: [SegmentFile] = []
  /// Whether the segments only change their level.
  var isMove = false

  var inputs: [SegmentFile] { upper + lower }
  /// All keys between the outermost of its inputs: an output may span keys that no input has.
  var range: KeyRange {
    inputs.dropFirst().reduce(inputs.first?.properties.range ?? KeyRange(from: [], to: [])) {
      $0.hull($1.properties.range)
    }
  }
}
