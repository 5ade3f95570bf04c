/// A token bucket as virtual time: what was spent is paid for through some moment, and while that moment lies in
/// the future, nothing more may be spent. Unused time is kept up to a burst.
///
/// Counted in nanoseconds, so that the rate may be another one each time. Without a clock: the caller says what
/// time it is. A clock that goes back only makes it wait for as long as it owes.
struct TokenBucket: Hashable, Sendable {
  private(set) var paidThrough: UInt64 = 0

  /// Spends `cost` nanoseconds.
  /// - Returns: how long to wait until it is paid for, in nanoseconds; 0 while the burst lasts.
  mutating func take(cost: UInt64, burst: UInt64, at now: UInt64) -> UInt64 {
    let earliest = now > burst ? now - burst : 0
    let (end, overflow) = max(paidThrough, earliest).addingReportingOverflow(cost)
    paidThrough = overflow ? .max : end
    return paidThrough > now ? paidThrough - now : 0
  }

  /// Forgives what is owed beyond `limit` nanoseconds from now.
  mutating func forgive(beyond limit: UInt64, at now: UInt64) {
    let (end, overflow) = now.addingReportingOverflow(limit)
    if !overflow { paidThrough = min(paidThrough, end) }
  }
}
