import CairnKV

/// Estimates what the range removals of a segment hide in deeper levels, from the indexes of the segments
/// there. Remembered for each segment: what lies below removals only ever becomes less.
struct HiddenBytes {
  private struct Place: Hashable {
    var number: UInt64
    var level: Int
  }

  private var known: [Place: Double] = [:]

  /// Of more removals than this, so many are taken for all.
  private static let greatestSampleCount = 1024
  private static let greatestKeptCount = 4096

  /// In bytes, those in value files included.
  mutating func estimate(of segment: SegmentFile, at level: Int, in version: Version) -> Double {
    let place = Place(number: segment.number, level: level)
    if let bytes = known[place] { return bytes }
    if known.count >= Self.greatestKeptCount { known = [:] }
    // What cannot be read hides nothing: it is left to a compaction that has to read it.
    let bytes = (try? Self.compute(segment, level, version)) ?? 0
    known[place] = bytes
    return bytes
  }

  private static func compute(
    _ segment: SegmentFile, _ level: Int, _ version: Version
  ) throws(StorageError) -> Double {
    let removals = try segment.reader().removals.all
    let step = max(1, removals.count / greatestSampleCount)
    var bytes = 0.0
    var sampled = 0.0
    for index in stride(from: 0, to: removals.count, by: step) {
      sampled += 1
      let range = KeyRange(from: removals[index].lower, to: removals[index].upper)
      for deeper in level + 1..<max(level + 1, version.levels.count) {
        for below in version.segments(of: deeper, overlapping: range) {
          let whole = Double(below.properties.fileBytes) + Double(below.properties.referencedBytes)
          bytes += try whole * below.reader().share(of: range)
        }
      }
    }
    return bytes * Double(removals.count) / max(sampled, 1)
  }
}

extension SegmentReader {
  /// About which share of the entries lies in `range`, judged by the index alone.
  fileprivate func share(of range: KeyRange) -> Double {
    guard index.count > 0 else { return 0 }
    let first = range.lower.withUnsafeBytes { index.firstIndex(atOrAfter: $0, .newest) }
    let end = range.upper?.withUnsafeBytes { index.firstIndex(atOrAfter: $0, .newest) } ?? index.count
    // Within one block nothing is known of how much of it that is.
    let blocks = end > first ? Double(end - first) : 0.25
    return blocks / Double(index.count)
  }
}
