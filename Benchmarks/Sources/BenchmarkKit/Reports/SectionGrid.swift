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
    var grid = Grid(header: ["", "unit"] + subjects.map(\.name) + ["× best peer", "of the limit"])
    for row in rows {
      let judgement = Judgement(row, in: results)
      let mark = judgement.noisyRounds.isEmpty ? "" : " ~"
      let best = bestStore(in: row)
      let cells = subjects.map { subject -> String in
        guard let median = results.median(row.id, subject.name) else { return "" }
        let figure = Figures.value(median)
        let shown = isMarkdown && subject == best ? "**\(figure)**" : figure
        return "\(shown) ±\(Figures.percent(results.spread(row.id, subject.name)))"
      }
      grid.rows.append(
        [row.name + mark, row.unit] + cells
          + [judgement.toPeer.map(Figures.ratio) ?? "", judgement.toLimit.map(Figures.ratio) ?? ""])
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
