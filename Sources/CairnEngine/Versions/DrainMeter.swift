/// How fast some work gets done, from how long each piece of it took: an average in which a piece counts a quarter,
/// and all before it the rest.
struct DrainMeter: Hashable, Sendable {
  /// `nil` until something was measured.
  private(set) var bytesPerSecond: Double?

  private static let weight = 0.25

  /// A piece that took no time says nothing.
  mutating func add(bytes: UInt64, nanoseconds: UInt64) {
    guard bytes > 0, nanoseconds > 0 else { return }
    let rate = Double(bytes) / Double(nanoseconds) * 1e9
    bytesPerSecond = bytesPerSecond.map { $0 + (rate - $0) * Self.weight } ?? rate
  }
}
