import CairnEngine

/// How commits were slowed down and stopped, over all openings of a store.
struct PacingTotals: Equatable {
  /// Commit groups, and those of them that were delayed, by length: element 0 below a microsecond, element
  /// *i* below 2^*i* microseconds.
  private(set) var groups: UInt64 = 0
  private(set) var delays = [UInt64](repeating: 0, count: LatencyHistogram.bucketCount)
  /// How often commits had to wait for a flush or a compaction, and for how long together.
  private(set) var stalls: UInt64 = 0
  private(set) var stallNanoseconds: UInt64 = 0

  init() {}

  /// What one opening says of itself.
  init(_ statistics: EngineStatistics) {
    groups = statistics.groups
    delays = statistics.pacing.buckets
    stalls = UInt64(statistics.stalls.count)
    stallNanoseconds = statistics.stalls.nanoseconds
  }

  static func + (left: Self, right: Self) -> Self {
    var sum = left
    sum.groups &+= right.groups
    for index in sum.delays.indices { sum.delays[index] &+= right.delays[index] }
    sum.stalls &+= right.stalls
    sum.stallNanoseconds &+= right.stallNanoseconds
    return sum
  }

  /// A bound of the delay that at most one group in `share` exceeded, in microseconds. Not exact: the end of
  /// the bucket that it lies in.
  func delayMicroseconds(exceededByOneIn share: UInt64) -> UInt64 {
    var exceeding: UInt64 = 0
    for index in delays.indices.reversed() {
      exceeding &+= delays[index]
      if exceeding > groups / share { return 1 << UInt64(index) }
    }
    return 0
  }

  /// The numbers, for a line.
  var numbers: [UInt64] { [groups, stalls, stallNanoseconds] + delays }

  /// From the numbers of a line; `nil` when they are not as many.
  init?(_ numbers: [UInt64]) {
    guard numbers.count == 3 + LatencyHistogram.bucketCount else { return nil }
    (groups, stalls, stallNanoseconds) = (numbers[0], numbers[1], numbers[2])
    delays = Array(numbers[3...])
  }
}
