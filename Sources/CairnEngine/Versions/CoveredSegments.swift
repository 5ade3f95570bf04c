import CairnKV

/// Finds the segments of which nobody can see anything any more, because range removals hide all of it.
///
/// A segment is *covered* when removals, each newer than everything in the segment, and found in its level or
/// above, leave no gap between its bounds; and when no live snapshot falls between the segment and one of
/// those removals: then whoever could see an entry of the segment sees the removal as well. It may be left
/// out of the store whole. What it hid in deeper levels the removals hide too. They stay where they are: the
/// validation of transactions looks for them, and deeper levels may hold more of what they hide.
struct CoveredSegments {
  /// Where removals were found.
  private struct Holder: Equatable {
    var number: UInt64
    var level: Int
  }

  struct Found {
    /// In no particular order.
    var segments: [SegmentFile] = []
    /// Live snapshots that keep others from being left out.
    var awaited: Set<UInt64> = []
  }

  /// What was made of the removals of `holders`: most versions have the same as the one before.
  private var holders: [Holder] = []
  private var cover = RemovalCover([])

  /// A cover of more pieces is made anew each time, so that little memory is kept for it.
  private static let greatestKeptCount = 16 << 10

  /// - Parameter snapshots: the live ones, ascending, taken after `version`.
  mutating func find(in version: Version, snapshots: [UInt64]) throws(StorageError) -> Found {
    var found = Found()
    var present: [Holder] = []
    for (level, segments) in version.levels.enumerated() {
      for segment in segments where segment.hasRangeRemovals {
        present.append(Holder(number: segment.number, level: level))
      }
    }
    if present.isEmpty { return found }
    if present != holders {
      cover = RemovalCover(try Self.sources(in: version))
      holders = cover.count <= Self.greatestKeptCount ? present : []
    }
    // As it would be without snapshots. Those are looked at for what is left, which is little.
    var coverOfStripe: [Int: RemovalCover] = [:]
    for (level, segments) in version.levels.enumerated() {
      let candidates =
        level == 0
        ? segments.filter { cover.covers($0.properties, level: 0) }
        : cover.covered(of: segments, level: level)
      for segment in candidates {
        let stripe = EntrySieve.stripe(of: segment.properties.smallestSequence, snapshots)
        guard stripe < snapshots.count else {
          found.segments.append(segment)
          continue
        }
        if coverOfStripe[stripe] == nil {
          let sources = try Self.sources(in: version).filter { $0.removal.sequence <= snapshots[stripe] }
          coverOfStripe[stripe] = RemovalCover(sources)
        }
        if coverOfStripe[stripe]?.covers(segment.properties, level: level) == true {
          found.segments.append(segment)
        } else {
          found.awaited.insert(snapshots[stripe])
        }
      }
    }
    return found
  }

  private static func sources(in version: Version) throws(StorageError) -> [RemovalCover.Source] {
    var sources: [RemovalCover.Source] = []
    for (level, segments) in version.levels.enumerated() {
      for segment in segments where segment.hasRangeRemovals {
        for removal in try segment.reader().removals.all {
          sources.append(.init(removal: removal, level: level))
        }
      }
    }
    return sources
  }
}
