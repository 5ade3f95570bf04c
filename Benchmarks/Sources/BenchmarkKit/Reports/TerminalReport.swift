/// Everything that was measured, as a terminal shows it.
public struct TerminalReport {
  let runs: [Results]

  /// A report of some runs.
  public init(_ runs: [Results]) {
    self.runs = runs
  }

  /// The text.
  public var text: String {
    var text = ""
    for results in runs {
      text += "\(RunDescription(results).line)\n"
      for section in results.sections {
        text += "\n\(section)\n\n"
        let grid = SectionGrid(section, of: results, isMarkdown: false)
        text += grid.values.terminalText
        if let notes = grid.notes { text += "\n" + notes.terminalText }
        if let growth = GrowthGrid(section, of: results).grid { text += "\n" + growth.terminalText }
      }
      for skipped in results.skipped { text += "\n\(skipped.subject) is left out: \(skipped.reason)\n" }
      for line in noise(of: results) { text += "\n\(line)\n" }
      text += "\n"
    }
    let (met, measured) = runs.targetTally
    if measured > 0 { text += "\(met) of \(measured) targets met\n" }
    for verdict in TargetList(runs).missed { text += "  missed: \(verdict)\n" }
    return text
  }

  private func noise(of results: Results) -> [String] {
    let rounds = results.noisyRounds()
    let isMarked = results.rows.contains { !results.noisyRounds(row: $0.id).isEmpty }
    var lines: [String] = []
    if isMarked {
      lines.append("~ noisy: beside this row the disk alone was 30 % off its median, in some round")
    }
    if !rounds.isEmpty {
      lines.append("noisy rounds: \(rounds.map(String.init).joined(separator: ", ")) of \(results.rounds)")
    }
    return lines
  }
}
