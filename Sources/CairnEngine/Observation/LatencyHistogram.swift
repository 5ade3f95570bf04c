/// How often something was done, and how long it took, by powers of two.
public struct LatencyHistogram: Hashable, Sendable {
  /// How many buckets there are.
  public static let bucketCount = 24

  /// How often.
  public internal(set) var count: UInt64 = 0
  /// How long together.
  public internal(set) var nanoseconds: UInt64 = 0
  /// The longest.
  public internal(set) var greatestNanoseconds: UInt64 = 0
  /// By length: element 0 counts what took less than a microsecond, element *i* what took 2^(*i*-1) to 2^*i*
  /// microseconds, and the last one also all that took longer.
  public internal(set) var buckets = [UInt64](repeating: 0, count: bucketCount)

  /// A bound that at least this share of all stayed below, in nanoseconds: the end of the bucket that it lies in, or
  /// the longest there was if that is less; 0 when nothing was counted.
  ///
  /// - Parameter share: 0 to 1; 0.99 for the 99th percentile.
  public func bound(ofShare share: Double) -> UInt64 {
    let wanted = Double(count) * min(max(share, 0), 1)
    var reached = 0.0
    for (index, bucket) in buckets.enumerated() {
      reached += Double(bucket)
      if reached >= wanted && reached > 0 {
        let end = index == buckets.count - 1 ? greatestNanoseconds : 1000 << UInt64(index)
        return min(end, greatestNanoseconds)
      }
    }
    return greatestNanoseconds
  }

  mutating func add(_ nanoseconds: UInt64) {
    count &+= 1
    self.nanoseconds &+= nanoseconds
    greatestNanoseconds = max(greatestNanoseconds, nanoseconds)
    buckets[Self.bucket(of: nanoseconds)] &+= 1
  }

  static func bucket(of nanoseconds: UInt64) -> Int {
    min(UInt64.bitWidth - (nanoseconds / 1000).leadingZeroBitCount, bucketCount - 1)
  }
}
