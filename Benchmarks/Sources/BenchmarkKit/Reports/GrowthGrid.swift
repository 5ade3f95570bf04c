/// How much dearer each operation of a scaling chart is in the largest store than in the smallest.
struct GrowthGrid {
  let results: Results
  let rows: [Row]

  /// The rows of a section that belong to a scaling chart.
  init(_ section: String, of results: Results) {
    self.results = results
    rows = results.rows.filter { $0.section == section && $0.scaling != nil }
  }

  /// A line an operation; `nil` without one of at least two sizes.
  var grid: Grid? {
    let subjects = results.subjects.filter { subject in
      subject.role != .limit && rows.contains { results.median($0.id, subject.name) != nil }
    }
    var grid = Grid(header: ["cost grows"] + subjects.map(\.name) + ["no faster than the best peer's"])
    let operations = rows.compactMap(\.scaling?.operation).reduce(into: [String]()) { list, operation in
      if !list.contains(operation) { list.append(operation) }
    }
    for operation in operations {
      let sizes = rows.filter { $0.scaling?.operation == operation }.sorted { keys($0) < keys($1) }
      guard let least = sizes.first, let greatest = sizes.last, keys(least) < keys(greatest) else { continue }
      let growths = subjects.map { subject in
        results.ratio(of: (least.id, subject.name), to: (greatest.id, subject.name))
      }
      func growth(of role: Subject.Role) -> Double? {
        zip(subjects, growths).filter { $0.0.role == role }.compactMap(\.1).min()
      }
      var verdict = ""
      if let ours = growth(of: .ours), let peers = growth(of: .peer) {
        verdict = ours <= peers ? "met" : "missed"
      }
      let span =
        "\(operation), \(Figures.tick(Double(keys(least)))) to \(Figures.tick(Double(keys(greatest)))) keys"
      grid.rows.append([span] + growths.map { $0.map { Figures.ratio($0) + " ×" } ?? "" } + [verdict])
    }
    return grid.rows.isEmpty ? nil : grid
  }

  private func keys(_ row: Row) -> Int { row.scaling?.keys ?? 0 }
}
