import CoreMetrics

/// A meter of what is never below zero.
struct LevelMeter {
  private let meter: Meter

  init(_ meter: Meter) {
    self.meter = meter
  }

  func set(_ value: UInt64) { meter.set(Int64(clamping: value)) }
}
