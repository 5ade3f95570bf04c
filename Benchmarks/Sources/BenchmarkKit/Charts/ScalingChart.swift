/// What an operation costs in a store of 10⁵, 10⁶, 10⁷ keys: one panel an operation, one line a subject, both axes
/// logarithmic. What climbs less steeply scales better.
public struct ScalingChart {
  private struct Panel {
    let operation: String
    let lines: [(subject: Subject, points: [(keys: Double, microseconds: Double)])]
  }

  private let panels: [Panel]
  private let subjects: [Subject]
  private let caption: String

  private static let panelWidth = 320.0
  private static let panelHeight = 260.0

  /// A chart of the rows that have a place in one.
  public init(_ runs: [Results]) {
    var panels: [Panel] = []
    for results in runs {
      let operations = results.rows.compactMap(\.scaling?.operation).reduce(into: [String]()) {
        list, operation in
        if !list.contains(operation) { list.append(operation) }
      }
      for operation in operations {
        let rows = results.rows.filter { $0.scaling?.operation == operation }
        let lines = results.subjects.filter { $0.role != .limit }.compactMap { subject in
          let points = rows.compactMap { row -> (keys: Double, microseconds: Double)? in
            guard let scaling = row.scaling, let median = results.median(row.id, subject.name), median > 0
            else {
              return nil
            }
            return (Double(scaling.keys), Self.microseconds(median, row))
          }
          return points.isEmpty ? nil : (subject, points.sorted { $0.keys < $1.keys })
        }
        if !lines.isEmpty { panels.append(Panel(operation: operation, lines: lines)) }
      }
    }
    self.panels = panels
    subjects = panels.flatMap(\.lines).map(\.subject).reduce(into: []) { list, subject in
      if !list.contains(where: { $0.name == subject.name }) { list.append(subject) }
    }
    caption = runs.first.map { "\(RunDescription($0).place), \(Figures.day($0.date))" } ?? ""
  }

  /// Whether there is nothing to draw.
  public var isEmpty: Bool { panels.isEmpty }

  /// A rate is a cost upside down.
  private static func microseconds(_ value: Double, _ row: Row) -> Double {
    switch row.unit {
    case "/s": 1_000_000 / value
    case "ms": value * 1000
    case "s": value * 1_000_000
    case "ns": value / 1000
    default: value
    }
  }

  /// The SVG.
  public var svg: String {
    let columns = max(1, min(3, panels.count))
    let rows = (panels.count + columns - 1) / columns
    let legendColumns = max(1, Int((Double(columns) * Self.panelWidth - 20) / 150))
    let legendRows = (subjects.count + legendColumns - 1) / legendColumns
    let top = 60 + Double(legendRows) * 20
    var picture = SVG(
      width: Double(columns) * Self.panelWidth + 20, height: top + Double(rows) * (Self.panelHeight + 30) + 10
    )
    let palette = Palette(subjects)
    picture.text("Cost against the number of keys", 20, 28, style: "title")
    picture.text("Microseconds an operation; lower and flatter is better. \(caption)", 20, 46, style: "quiet")
    for (index, subject) in subjects.enumerated() {
      let (x, y) = (28 + Double(index % legendColumns) * 150, 66 + Double(index / legendColumns) * 20)
      picture.mark(palette.mark(subject), x, y, title: subject.name)
      picture.text(subject.name, x + 12, y + 4, style: subject.role == .ours ? "strong" : "label")
    }
    for (index, panel) in panels.enumerated() {
      draw(
        panel, x: Double(index % columns) * Self.panelWidth,
        y: top + Double(index / columns) * (Self.panelHeight + 30), palette, in: &picture)
    }
    return picture.file
  }

  private func draw(_ panel: Panel, x: Double, y: Double, _ palette: Palette, in picture: inout SVG) {
    let (left, right) = (x + 70, x + Self.panelWidth - 24)
    let (upper, lower) = (y + 34, y + Self.panelHeight - 20)
    let points = panel.lines.flatMap(\.points)
    let keys = LogarithmicScale(points.map(\.keys), from: left, to: right)
    let costs = LogarithmicScale(points.map(\.microseconds), from: lower, to: upper)
    picture.text(panel.operation, left, y + 20, style: "strong")
    for tick in costs.ticks {
      picture.line(left, costs.place(tick), right, costs.place(tick), style: "grid")
      picture.text("\(Figures.tick(tick)) µs", left - 6, costs.place(tick) + 4, .end, style: "quiet")
    }
    for count in Set(points.map(\.keys)).sorted() {
      picture.line(keys.place(count), upper, keys.place(count), lower, style: "track")
      picture.text(Figures.tick(count), keys.place(count), lower + 16, .middle, style: "quiet")
    }
    picture.text("keys", right, lower + 30, .end, style: "quiet")
    let ordered =
      panel.lines.filter { $0.subject.role != .ours } + panel.lines.filter { $0.subject.role == .ours }
    for (subject, points) in ordered {
      let mark = palette.mark(subject)
      let places = points.map { (x: keys.place($0.keys), y: costs.place($0.microseconds)) }
      picture.path(places, style: "curve \(mark.colour)")
      for (place, point) in zip(places, points) {
        picture.mark(
          mark, place.x, place.y, radius: 4,
          title: "\(subject.name), \(Figures.value(point.keys)) keys: \(Figures.value(point.microseconds)) µs"
        )
      }
    }
  }
}
