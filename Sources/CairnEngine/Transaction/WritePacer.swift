/// Decides how long a commit group waits so that writers do not outrun the background work that they cause.
///
/// A state machine without clock and without I/O. A group pays for its bytes: `bytes × pressure / drain`. So
/// nothing is paid where there is no pressure, the price grows evenly with it, and at pressure 1 bytes come no
/// faster than the work drains them. Writers that are slower than that never wait, whatever the pressure: time
/// in which nothing was committed counts as paid, up to a burst of a millisecond.
///
/// (A delay that depended on pressure alone, as some stores have it, would let a commit of a few bytes pay for the
/// megabytes of another.)
struct WritePacer: Hashable, Sendable {
  /// A reason to slow down.
  struct Load: Hashable, Sendable {
    /// 0 to 1: see ``PressureGauge``.
    var pressure: Double
    /// How fast what piles up gets done; `nil` while nobody knows, and then it counts for nothing.
    var drainBytesPerSecond: Double?
  }

  /// No group waits longer. What it owes beyond is forgiven, so that others do not pay for it.
  static let greatestDelayNanoseconds: UInt64 = 10_000_000
  /// Less is not worth a thread's sleep: it is owed until it adds up to this.
  static let leastDelayNanoseconds: UInt64 = 100_000
  static let burstNanoseconds: UInt64 = 1_000_000

  private var bucket = TokenBucket()
  private var nanosecondsPerByte = 0.0

  /// The wait of a group of so many bytes that is about to be taken, in nanoseconds: 0, or from the least delay
  /// to the greatest.
  mutating func delay(forBytes bytes: UInt64, under loads: [Load], at now: UInt64) -> UInt64 {
    nanosecondsPerByte = loads.reduce(0) { max($0, Self.price($1)) }
    let owed = charge(bytes, at: now)
    return owed < Self.leastDelayNanoseconds ? 0 : owed
  }

  /// Has those pay who joined the group while it waited: the next group waits for them.
  mutating func add(joinedBytes bytes: UInt64, at now: UInt64) { _ = charge(bytes, at: now) }

  private mutating func charge(_ bytes: UInt64, at now: UInt64) -> UInt64 {
    let cost = min(Double(bytes) * nanosecondsPerByte, Double(Self.greatestDelayNanoseconds) * 2)
    let owed = bucket.take(cost: UInt64(cost), burst: Self.burstNanoseconds, at: now)
    bucket.forgive(beyond: Self.greatestDelayNanoseconds, at: now)
    return min(owed, Self.greatestDelayNanoseconds)
  }

  private static func price(_ load: Load) -> Double {
    guard let drain = load.drainBytesPerSecond, drain > 0 else { return 0 }
    return min(1, max(0, load.pressure)) / drain * 1e9
  }
}
