/// What a soak measured, row by row, each beside its bound.
struct SoakReport {
  struct Row: Equatable {
    let name: String
    let measured: String
    /// What it must not exceed; `nil` for what is only told.
    let bound: String?
    let holds: Bool
  }

  private(set) var rows: [Row] = []

  /// Whether everything is within its bounds.
  var holds: Bool { rows.allSatisfy(\.holds) }

  /// A figure that is only told.
  mutating func tell(_ name: String, _ measured: String) {
    rows.append(Row(name: name, measured: measured, bound: nil, holds: true))
  }

  /// A figure with a bound.
  mutating func require(_ name: String, _ measured: String, _ bound: String, _ holds: Bool) {
    rows.append(Row(name: name, measured: measured, bound: bound, holds: holds))
  }

  /// The table: name, measured, bound, and whether it holds.
  var lines: [String] {
    let names = rows.map(\.name.count).max() ?? 0
    // Only the figures that have bounds stand above one another.
    let figures = rows.filter { $0.bound != nil }.map(\.measured.count).max() ?? 0
    let bounds = rows.compactMap { $0.bound?.count }.max() ?? 0
    return rows.map { row in
      let name = "  " + padded(row.name, names) + "  "
      guard let bound = row.bound else { return name + row.measured }
      return name + padded(row.measured, figures) + "  " + padded(bound, bounds) + "  "
        + (row.holds ? "ok" : "FAILED")
    }
  }
}

/// Figures as words.
enum Figure {
  /// `12.3 MiB`, with the unit that fits.
  static func bytes(_ bytes: UInt64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    return unit == 0 ? "\(bytes) B" : "\(decimal(value, 1)) \(units[unit])"
  }

  /// `1.23`, for figures below a million million.
  static func decimal(_ value: Double, _ places: Int) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
    let scale = (0..<places).reduce(1) { power, _ in power * 10 }
    let scaled = Int((abs(value) * Double(scale)).rounded())
    let digits = String(scaled % scale)
    let fraction = places == 0 ? "" : "." + String(repeating: "0", count: places - digits.count) + digits
    return (value < 0 ? "-" : "") + "\(scaled / scale)" + fraction
  }

  /// `1,234,567`.
  static func count(_ count: UInt64) -> String {
    let digits = Array(String(count))
    return String(
      digits.enumerated().flatMap { index, digit in
        index > 0 && (digits.count - index) % 3 == 0 ? [",", digit] : [digit]
      })
  }
}
