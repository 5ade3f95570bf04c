import Foundation

/// Where values lie on a logarithmic axis.
struct LogarithmicScale {
  let least: Double
  let greatest: Double
  let start: Double
  let end: Double

  /// An axis from `start` to `end` for all of `values`, with a little air around them.
  /// - Parameter bounds: What it never goes beyond, so that one outlier does not flatten all else.
  init(
    _ values: [Double], within bounds: ClosedRange<Double> = 0...(.infinity), from start: Double,
    to end: Double
  ) {
    let positive = values.filter { $0 > 0 && $0.isFinite && bounds.contains($0) }
    least = (positive.min() ?? 1) / 1.15
    greatest = max((positive.max() ?? 1) * 1.15, least * 2)
    self.start = start
    self.end = end
  }

  /// Whether a value lies beyond the end of the axis, and is put at it: below, above, or not.
  func side(_ value: Double) -> Int {
    value < least ? -1 : value > greatest ? 1 : 0
  }

  /// The place of a value.
  func place(_ value: Double) -> Double {
    let clamped = min(max(value, least), greatest)
    return start + log(clamped / least) / log(greatest / least) * (end - start)
  }

  /// Round values on the axis: 1, 2, 5, 10, ..., or only powers of ten where there would be too many.
  var ticks: [Double] {
    let decades = Int(log10(least).rounded(.down))...Int(log10(greatest).rounded(.up))
    let steps: [Double] = decades.count > 4 ? [1] : [1, 2, 5]
    return decades.flatMap { decade in steps.map { $0 * pow(10, Double(decade)) } }.filter {
      $0 >= least && $0 <= greatest
    }
  }
}
