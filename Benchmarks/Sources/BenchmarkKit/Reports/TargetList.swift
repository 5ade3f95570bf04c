/// All targets of all runs, and what came of each.
struct TargetList {
  let runs: [Results]

  init(_ runs: [Results]) {
    self.runs = runs
  }

  /// A line for each target that was missed.
  var missed: [String] {
    entries.filter { $0.verdict.isMet == false }.map { entry in
      "\(entry.row.name): \(entry.target), measured \(entry.measured)"
    }
  }

  /// As a Markdown table; empty without targets.
  var markdown: String {
    var grid = Grid(header: ["row", "target", "measured", "against", ""])
    for entry in entries {
      let mark = entry.verdict.isMet.map { $0 ? "met" : "**missed**" } ?? "not measured"
      grid.rows.append([entry.row.name, entry.target, entry.measured, entry.verdict.against, mark])
    }
    return grid.rows.isEmpty ? "" : grid.markdown
  }

  private struct Entry {
    let row: Row
    let target: String
    let verdict: Judgement.Verdict

    var measured: String {
      guard let measured = verdict.measured else { return "" }
      return verdict.target.against == .absolute
        ? "\(Figures.value(measured)) \(row.unit)" : Figures.ratio(measured)
    }
  }

  private var entries: [Entry] {
    runs.flatMap { results in
      results.judgements.flatMap { judgement in
        judgement.verdicts.map { verdict in
          Entry(
            row: judgement.row, target: Judgement.text(verdict.target, of: judgement.row, in: results),
            verdict: verdict)
        }
      }
    }
  }
}
