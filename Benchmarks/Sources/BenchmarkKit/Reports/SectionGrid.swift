/// The table of one section: a line a row, a column a subject, and what the row says of Cairn.
struct SectionGrid {
  let results: Results
  let rows: [Row]
  let subjects: [Subject]
  /// Whether cells are marked up: the best one bold.
  let isMarkdown: Bool

  init(_ section: String, of results: Results, isMarkdown: Bool) {
    self.results = results
    self.isMarkdown = isMarkdown
    let rows = results.rows.filter { $0.section == section }
    self.rows = rows
    subjects = results.subjects.filter { subject in
      rows.contains { results.median($0.id, subject.name) != nil }
    }
  }

  /// The measured values, as medians with half the range.
  var values: Grid {
    let judgements = rows.map { Judgement($0, in: results) }
    let hasPeers = judgements.contains { $0.toPeer != nil }
    let hasLimits = judgements.contains { $0.toLimit != nil }
    var grid = Grid(header: ["", "unit"] + subjects.map(\.name))
    if hasPeers { grid.header.append("× best peer") }
    if hasLimits { grid.header.append("of the limit") }
    for (row, judgement) in zip(rows, judgements) {
      let mark = judgement.noisyRounds.isEmpty ? "" : " ~"
      let best = bestStore(in: row)
      let cells = subjects.map { subject -> String in
        guard let median = results.median(row.id, subject.name) else { return "" }
        let figure = Figures.value(median)
        let shown = isMarkdown && subject == best ? "**\(figure)**" : figure
        return "\(shown) ±\(Figures.percent(results.spread(row.id, subject.name)))"
      }
      var line = [row.name + mark, row.unit] + cells
      if hasPeers { line.append(judgement.toPeer.map(Figures.ratio) ?? "") }
      if hasLimits { line.append(judgement.toLimit.map(Figures.ratio) ?? "") }
      grid.rows.append(line)
    }
    return grid
  }

  /// What was noted beside the values; `nil` when nothing was.
  var notes: Grid? {
    var grid = Grid(header: ["beside it"] + subjects.map(\.name))
    for row in rows {
      let names = Set(subjects.flatMap { results.cell(row.id, $0.name)?.notes.keys.map { $0 } ?? [] })
      for name in names.sorted() {
        let cells = subjects.map { results.note(name, row.id, $0.name).map(Figures.value) ?? "" }
        grid.rows.append(["\(row.name): \(name)"] + cells)
      }
    }
    return grid.rows.isEmpty ? nil : grid
  }

  private func bestStore(in row: Row) -> Subject? {
    let candidates = [Subject.Role.ours, .peer].compactMap { results.best($0, in: row) }
    return candidates.min { left, right in
      let (left, right) = (results.median(row.id, left.name), results.median(row.id, right.name))
      guard let left, let right else { return false }
      return row.greaterIsBetter ? left > right : left < right
    }
  }
}
