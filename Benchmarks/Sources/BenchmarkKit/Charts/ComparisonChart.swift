/// One line a row, one mark a subject, on a logarithmic axis of how good each is against the best peer: right is
/// better, whichever way the row's unit counts, and what stands right of 1 × is ahead of every peer.
///
/// Absolute values would need an axis a row, since rows differ by six orders of magnitude; those of Cairn and of the
/// best peer are written at the right instead.
public struct ComparisonChart {
  private struct Line {
    let results: Results
    let judgement: Judgement
    let bestPeer: Subject
    /// Each subject with how good it is against the best peer.
    let places: [(subject: Subject, ratio: Double)]
  }

  private let groups: [(section: String, lines: [Line])]
  private let subjects: [Subject]
  private let caption: String
  /// Where the axis begins and ends: what stands before it are names of very different lengths.
  private let left: Double
  private let right: Double

  private static let rowHeight = 22.0
  private static let axisWidth = 410.0
  private static let figuresWidth = 300.0
  /// A generous guess: which font it will be is not known.
  private static let characterWidth = 6.6
  private static let axisBounds = 0.01...20.0

  /// A chart of the rows that have both Cairn and a peer.
  public init(_ runs: [Results]) {
    var groups: [(section: String, lines: [Line])] = []
    for results in runs {
      for section in results.sections {
        let lines = results.rows.filter { $0.section == section && $0.scaling == nil }.compactMap {
          Self.line($0, in: results)
        }
        if !lines.isEmpty { groups.append((section, lines)) }
      }
    }
    self.groups = groups
    let shown = Set(groups.flatMap(\.lines).flatMap(\.places).map(\.subject.name))
    subjects = runs.flatMap(\.subjects).reduce(into: []) { list, subject in
      if shown.contains(subject.name), !list.contains(where: { $0.name == subject.name }) {
        list.append(subject)
      }
    }
    caption = runs.first.map { "\(RunDescription($0).place), \(Figures.day($0.date))" } ?? ""
    let longest = groups.flatMap(\.lines).map(\.judgement.row.name.count).max() ?? 0
    left = 45 + max(200, Double(longest) * Self.characterWidth)
    right = left + Self.axisWidth
  }

  private static func line(_ row: Row, in results: Results) -> Line? {
    let judgement = Judgement(row, in: results)
    guard let peer = judgement.bestPeer, judgement.ours != nil else { return nil }
    let places = results.subjects.compactMap { subject in
      results.ratio(row.id, subject.name, to: peer.name).map { (subject, $0) }
    }
    return Line(results: results, judgement: judgement, bestPeer: peer, places: places)
  }

  /// The SVG.
  public var svg: String {
    let stores = subjects.filter { $0.role != .limit }
    let legendRows = (stores.count + 1 + 4) / 5
    let top = 62.0 + Double(legendRows) * 20 + 24
    let lineCount = groups.reduce(0) { $0 + $1.lines.count }
    let bottom = top + Double(lineCount) * Self.rowHeight + Double(groups.count) * 26
    var picture = SVG(width: right + Self.figuresWidth, height: bottom + 48)
    let scale = LogarithmicScale(
      groups.flatMap(\.lines).flatMap(\.places).map(\.ratio) + [0.5, 2], within: Self.axisBounds,
      from: left, to: right)
    let palette = Palette(subjects)

    picture.text("Cairn and its peers, each row against the best peer", 20, 30, style: "title")
    picture.text("Right is better. \(caption)", 20, 48, style: "quiet")
    legend(stores, palette, in: &picture)
    for tick in scale.ticks {
      let x = scale.place(tick)
      picture.line(x, top, x, bottom, style: tick == 1 ? "even" : "grid")
      for y in [top - 8, bottom + 16] { picture.text("\(tickText(tick)) ×", x, y, .middle, style: "quiet") }
    }
    picture.text(
      "1 × is the best peer of the row; ‹ and › stand at what is beyond the axis", scale.place(1),
      bottom + 34,
      .middle, style: "quiet")
    picture.text("Cairn", right + 130, top - 8, .end, style: "strong")
    picture.text("best peer", right + 140, top - 8, style: "quiet")

    var y = top
    for group in groups {
      y += 26
      picture.text(group.section, 20, y - 8, style: "strong")
      for line in group.lines {
        draw(line, y + Self.rowHeight / 2, scale, palette, in: &picture)
        y += Self.rowHeight
      }
    }
    return picture.file
  }

  private func legend(_ stores: [Subject], _ palette: Palette, in picture: inout SVG) {
    for (index, subject) in stores.enumerated() {
      let (x, y) = legendPlace(index)
      picture.mark(palette.mark(subject), x, y, title: subject.name)
      picture.text(subject.name, x + 12, y + 4, style: subject.role == .ours ? "strong" : "label")
    }
    let (x, y) = legendPlace(stores.count)
    picture.line(x, y - 8, x, y + 8, style: "limit")
    picture.text("what the machine allows", x + 12, y + 4)
  }

  private func legendPlace(_ index: Int) -> (Double, Double) {
    (28 + Double(index % 5) * 184, 70 + Double(index / 5) * 20)
  }

  private func draw(
    _ line: Line, _ y: Double, _ scale: LogarithmicScale, _ palette: Palette, in picture: inout SVG
  ) {
    let row = line.judgement.row
    picture.text(row.name, left - 18, y + 4, .end)
    picture.line(left, y, right, y, style: "track")
    func title(_ subject: Subject, _ ratio: Double) -> String {
      let value = line.results.median(row.id, subject.name).map(Figures.value) ?? ""
      return "\(subject.name): \(value) \(row.unit), \(Figures.ratio(ratio)) × the best peer"
    }
    for (subject, ratio) in line.places where subject == line.judgement.limit {
      picture.line(scale.place(ratio), y - 10, scale.place(ratio), y + 10, style: "limit")
    }
    let drawn = line.places.filter { $0.subject.role != .limit || $0.subject == line.judgement.limit }
    for (_, ratio) in drawn where scale.side(ratio) != 0 {
      let isBelow = scale.side(ratio) < 0
      picture.text(
        isBelow ? "‹" : "›", scale.place(ratio) + (isBelow ? -9 : 9), y + 4, .middle, style: "strong")
    }
    // Cairn last, so that nothing lies on it.
    let stores = line.places.filter { $0.subject.role != .limit }
    for (subject, ratio) in stores.filter({ $0.subject.role != .ours })
      + stores.filter({ $0.subject.role == .ours })
    {
      picture.mark(palette.mark(subject), scale.place(ratio), y, title: title(subject, ratio))
    }
    func figure(_ subject: Subject?) -> String {
      subject.flatMap { line.results.median(row.id, $0.name) }.map(Figures.value) ?? ""
    }
    picture.text("\(figure(line.judgement.ours)) \(row.unit)", right + 130, y + 4, .end, style: "strong")
    picture.text("\(figure(line.bestPeer)) \(line.bestPeer.name)", right + 140, y + 4, style: "quiet")
  }

  private func tickText(_ tick: Double) -> String {
    tick >= 1 ? Figures.tick(tick) : "1/\(Figures.tick((1 / tick).rounded()))"
  }
}
