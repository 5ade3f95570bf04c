import Foundation

/// How figures are written: three digits, since no more mean anything on a noisy machine.
enum Figures {
  /// "2.59 M", "823 k", "39,900", "442", "26.1", "0.38".
  static func value(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    let size = abs(value)
    if size == 0 { return "0" }
    // The limits are where the next shorter form would round up to a further digit.
    if size >= 999_500_000 { return digits(value / 1_000_000_000) + " G" }
    if size >= 999_500 { return digits(value / 1_000_000) + " M" }
    if size >= 99_950 { return digits(value / 1000) + " k" }
    return digits(value)
  }

  /// "1.31", "0.90", "12.3", and "1/240" where decimals would be read as good as nothing.
  static func ratio(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    if value > 0, value < 0.095 { return "1/" + Self.tick((1 / value).rounded()) }
    return (0.09..<9.995).contains(abs(value)) ? String(format: "%.2f", value) : digits(value)
  }

  /// A round value at an axis, without decimals that say nothing: "1", "0.5", "100 k".
  static func tick(_ value: Double) -> String {
    let words = Self.value(value).split(separator: " ", maxSplits: 1).map(String.init)
    guard var figure = words.first, figure.contains(".") else { return words.joined(separator: " ") }
    while figure.hasSuffix("0") { figure.removeLast() }
    if figure.hasSuffix(".") { figure.removeLast() }
    return ([figure] + words.dropFirst()).joined(separator: " ")
  }

  /// "4 %".
  static func percent(_ share: Double) -> String {
    String(format: "%.0f", share * 100) + " %"
  }

  /// "2026-11-23".
  static func day(_ date: Date) -> String {
    date.formatted(Date.ISO8601FormatStyle().year().month().day())
  }

  /// "2026-11-23 14:05 UTC".
  static func minute(_ date: Date) -> String {
    let text = date.formatted(
      Date.ISO8601FormatStyle().year().month().day().time(includingFractionalSeconds: false))
    return text.replacing("T", with: " ").prefix(16) + " UTC"
  }

  /// Three significant digits, with a comma between thousands.
  private static func digits(_ value: Double) -> String {
    guard value != 0 else { return "0" }
    // Rounded first: 9.999 has as many digits before the point as 10 has.
    let unit = pow(10, log10(abs(value)).rounded(.down) - 2)
    let rounded = (value / unit).rounded() * unit
    let exponent = Int((log10(abs(rounded)) + 1e-9).rounded(.down))
    let text = String(format: "%.\(max(0, min(6, 2 - exponent)))f", rounded)
    guard exponent >= 3 else { return text }
    let isNegative = text.hasPrefix("-")
    let plain = Array(isNegative ? text.dropFirst() : text[...])
    var grouped = ""
    for (index, digit) in plain.enumerated() {
      if index > 0, (plain.count - index).isMultiple(of: 3) { grouped.append(",") }
      grouped.append(digit)
    }
    return (isNegative ? "-" : "") + grouped
  }
}
