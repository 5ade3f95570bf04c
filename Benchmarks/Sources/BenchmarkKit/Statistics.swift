/// What is said of a handful of values from a noisy machine.
public enum Statistics {
  /// The middle value, or the mean of the two in the middle; `nil` without values.
  public static func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }

  /// Half the distance between the outermost values, relative to the median; 0 where that says nothing.
  public static func spread(_ values: [Double]) -> Double {
    guard let median = median(values), let least = values.min(), let greatest = values.max(), median != 0
    else { return 0 }
    return (greatest - least) / 2 / abs(median)
  }

  /// The value below which the share `fraction`, from 0 to 1, of the values lies; `nil` without values.
  public static func percentile(_ values: [Double], _ fraction: Double) -> Double? {
    guard !values.isEmpty else { return nil }
    let rank = (fraction * Double(values.count)).rounded(.up)
    return values.sorted()[min(values.count - 1, max(0, Int(rank) - 1))]
  }
}
