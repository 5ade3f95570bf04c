import CoreMetrics

/// A counter that follows a number upwards, by what it has grown.
///
/// It never goes back. Some numbers are counted without synchronization, and may be read a little lower than before: then
/// nothing is added, and nothing again until what was published already is exceeded, so that nothing counts twice.
struct GrowingCounter {
  private let counter: Counter
  private var reached: UInt64 = 0

  init(_ counter: Counter) {
    self.counter = counter
  }

  mutating func reach(_ value: UInt64) {
    guard value > reached else { return }
    // Backends count in `Int64`, and to convert what does not fit would trap.
    counter.increment(by: Int64(clamping: value - reached))
    reached = value
  }
}
