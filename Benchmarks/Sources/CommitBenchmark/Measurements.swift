/// The figures of one row, round by round.
struct Row {
  let name: String
  let unit: String
  var values: [Double] = []

  var median: Double { values.sorted()[values.count / 2] }

  /// Half the distance between the outermost rounds, relative to the median: how noisy the machine was.
  var spread: Double {
    guard let least = values.min(), let greatest = values.max(), median > 0 else { return 0 }
    return (greatest - least) / 2 / median
  }
}

/// Rows measured in interleaved rounds, so that whatever slows the machine slows all of them.
struct Measurements {
  private(set) var rows: [Row] = []

  mutating func add(_ name: String, _ unit: String, _ value: Double) {
    if let index = rows.firstIndex(where: { $0.name == name }) {
      rows[index].values.append(value)
    } else {
      rows.append(Row(name: name, unit: unit, values: [value]))
    }
  }

  func median(_ name: String) -> Double { rows.first { $0.name == name }?.median ?? .nan }

  /// The median of the ratios taken round by round.
  func ratio(_ numerator: String, _ denominator: String) -> Double {
    guard let above = rows.first(where: { $0.name == numerator }),
      let below = rows.first(where: { $0.name == denominator })
    else { return .nan }
    let ratios = zip(above.values, below.values).map { $0 / $1 }.sorted()
    return ratios.isEmpty ? .nan : ratios[ratios.count / 2]
  }
}
