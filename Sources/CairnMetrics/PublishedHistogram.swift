import CairnEngine

/// A histogram of latencies as counters: how often, how long together, and how often below each bound.
///
/// The bounds are the ends of the histogram's buckets, themselves not included: what takes exactly a bound's length is
/// counted from the next one on. Counters below a bound count what is below lesser bounds, too, so that any of them may
/// be left out by a backend without making the others wrong.
struct PublishedHistogram {
  private var count: GrowingCounter
  private var nanoseconds: GrowingCounter
  private var buckets: [GrowingCounter]

  init(_ path: String, _ maker: MetricsMaker) {
    count = maker.counter(path + ".count")
    nanoseconds = maker.counter(path + ".nanoseconds")
    buckets = (0..<LatencyHistogram.bucketCount).map { index in
      maker.counter(path + ".buckets", ("le", Self.bound(ofBucket: index)))
    }
  }

  /// Where a bucket ends, in nanoseconds; the last one does not.
  static func bound(ofBucket index: Int) -> String {
    index == LatencyHistogram.bucketCount - 1 ? "+Inf" : String(1000 << UInt64(index))
  }

  mutating func publish(_ histogram: LatencyHistogram) {
    count.reach(histogram.count)
    nanoseconds.reach(histogram.nanoseconds)
    var below: UInt64 = 0
    for (index, inBucket) in zip(buckets.indices, histogram.buckets) {
      below &+= inBucket
      buckets[index].reach(below)
    }
  }
}
