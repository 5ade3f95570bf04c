/// `RESULTS.md`: everything that was measured, and how.
public struct ResultsDocument {
  /// The part that is written by hand, and kept.
  public static let handWritten = MarkedText("where-the-time-goes")

  let runs: [Results]
  let instructions: InstructionCounts?

  /// A document of some runs, and of the stored instruction counts if there are any.
  public init(_ runs: [Results], instructions: InstructionCounts?) {
    self.runs = runs
    self.instructions = instructions
  }

  /// The Markdown.
  /// - Parameter earlier: The document as it was: its hand-written part is kept.
  public func markdown(replacing earlier: String?) -> String {
    let kept = earlier.flatMap { Self.handWritten.part(of: $0) } ?? "Nothing is written here yet.\n"
    var parts = [Self.introduction, "## Runs\n"]
    parts += runs.map { RunDescription($0).markdown }
    let targets = TargetList(runs).markdown
    if !targets.isEmpty {
      let (met, measured) = runs.targetTally
      parts += ["## Targets\n", "\(met) of \(measured) are met.\n", targets]
    }
    for results in runs {
      for section in results.sections { parts += self.section(section, of: results) }
    }
    parts += ["## Where the time goes\n", Self.handWritten.wrapped(kept)]
    if let instructions { parts += [instructionCounts(instructions)] }
    parts += ["## Who was measured, and how set up\n", configurations]
    let skipped = runs.flatMap(\.skipped).map { "- \($0.subject): \($0.reason)" }
    if !skipped.isEmpty { parts += ["Not measured:\n", skipped.joined(separator: "\n") + "\n"] }
    return parts.joined(separator: "\n")
  }

  private static let introduction = """
    # What was measured

    Written by `make bench`, but for “Where the time goes”. Each figure is the median over the rounds, ± half the
    distance between the outermost ones. The subjects take turns within each round, every round in another order, and
    “× best peer” and “of the limit” are medians of the ratios taken round by round: above 1 Cairn is better, whichever
    way the unit counts. Absolute figures move with the machine from day to day; compare only what one run says. A row
    marked ~ had a round beside it in which the disk alone was more than 30 % off its median. The best store of a row is
    bold.

    ![each row against the best peer](chart.svg)

    """

  private func section(_ section: String, of results: Results) -> [String] {
    let grid = SectionGrid(section, of: results, isMarkdown: true)
    var parts = ["## \(section)\n", grid.values.markdown]
    if let notes = grid.notes { parts.append(notes.markdown) }
    let remarks = grid.rows.compactMap { row in row.note.map { "- \(row.name): \($0)" } }
    if !remarks.isEmpty { parts.append(remarks.joined(separator: "\n") + "\n") }
    if let growth = GrowthGrid(section, of: results).grid { parts.append(growth.markdown) }
    if grid.rows.contains(where: { $0.scaling != nil }) {
      parts.append("![cost against the number of keys](scaling.svg)\n")
    }
    return parts
  }

  private func instructionCounts(_ counts: InstructionCounts) -> String {
    let kinds = InstructionKind.allCases.filter { kind in
      counts.entries.contains { ($0.shares?[kind.rawValue] ?? 0) >= 0.005 }
    }
    var grid = Grid(header: ["operation", "instructions", "for each"] + kinds.map(\.rawValue))
    grid.rows = counts.entries.map { entry in
      let shares = kinds.map { kind in
        entry.shares?[kind.rawValue].map { $0 < 0.005 ? "" : "\(Int(($0 * 100).rounded())) %" } ?? ""
      }
      return [entry.name, Figures.value(entry.instructions), entry.unit] + shares
    }
    return
      "## Instructions\n\nCounted by callgrind with \(counts.compiler) on \(counts.platform), start-up left out; "
      + "`make bench-check` compares with them. Shares are by the function that instructions are in; what the optimiser "
      + "has put into its caller counts for that one.\n\n" + grid.markdown
  }

  private var configurations: String {
    var lines: [String] = []
    for subject in runs.flatMap(\.subjects) {
      let title = subject.version.isEmpty ? subject.name : "\(subject.name) \(subject.version)"
      let aside = subject.role == .weakerPeer ? " (promises less than the others: shown, not compared)" : ""
      let line = "- **\(title)**\(aside)\(subject.configuration.isEmpty ? "" : ": " + subject.configuration)"
      if !lines.contains(line) { lines.append(line) }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
