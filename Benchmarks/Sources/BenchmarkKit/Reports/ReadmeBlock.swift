/// The few rows that README shows.
public struct ReadmeBlock {
  /// Where the block stands.
  public static let marks = MarkedText("bench")

  let runs: [Results]

  /// A block of some runs.
  public init(_ runs: [Results]) {
    self.runs = runs
  }

  /// The Markdown between the marks.
  public var markdown: String {
    guard let first = runs.first else { return "" }
    var grid = Grid(header: ["", "Cairn", "best peer", "", "limit", "of it"])
    for results in runs {
      for judgement in results.judgements where isShown(judgement, among: results) {
        guard let ours = judgement.ours else { continue }
        let row = judgement.row
        func figure(_ subject: Subject?) -> String {
          subject.flatMap { results.median(row.id, $0.name) }.map { Figures.value($0) + unit(row) } ?? ""
        }
        let peer = judgement.bestPeer.map { "\(figure($0)) (\($0.name))" } ?? ""
        grid.rows.append([
          row.name, figure(ours), peer, judgement.toPeer.map { Figures.ratio($0) + " ×" } ?? "",
          figure(judgement.limit), judgement.toLimit.map(Figures.ratio) ?? "",
        ])
      }
    }
    let (met, measured) = runs.targetTally
    let peers = runs.flatMap(\.subjects).filter { $0.role == .peer && !$0.version.isEmpty }
    let versions = peers.reduce(into: [String]()) { list, peer in
      let text = "\(peer.name) \(peer.version)"
      if !list.contains(text) { list.append(text) }
    }
    let description = RunDescription(first)
    let rounds = Set(runs.map(\.rounds)).sorted().map(String.init).joined(separator: " and ")
    var text = "Medians of \(rounds) interleaved rounds, \(Figures.day(first.date)): \(description.place).\n"
    if !versions.isEmpty { text += "Peers: \(versions.joined(separator: ", ")).\n" }
    if runs.contains(where: \.isQuick) { text += "**A quick run: not to be quoted.**\n" }
    text += "Ratios are taken round by round; above 1 × Cairn is ahead.\n\n" + grid.markdown + "\n"
    if measured > 0 { text += "\(met) of \(measured) targets are met. " }
    return text
      + "[Everything that was measured, and where the time goes](Benchmarks/RESULTS.md).\n\n"
      + "![Cairn and its peers, each row against the best peer](Benchmarks/chart.svg)\n"
  }

  /// "/s" is said of the figure, as is "ms"; a ratio needs no word.
  private func unit(_ row: Row) -> String {
    switch row.unit {
    case "ratio", "": ""
    case let unit where unit.hasPrefix("/"): unit
    case let unit: " " + unit
    }
  }

  /// The rows that are marked for it; where none is, those with a target.
  private func isShown(_ judgement: Judgement, among results: Results) -> Bool {
    runs.contains { $0.rows.contains(where: \.isMain) }
      ? judgement.row.isMain : !judgement.row.targets.isEmpty
  }
}
