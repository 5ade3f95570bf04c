/// How a subject is drawn: never by its colour alone.
struct Mark {
  let shape: Shape
  /// The name of a colour of the ``Palette``.
  let colour: String
  let variant: Variant
  let isOurs: Bool

  /// Tells the configurations of one store apart.
  enum Variant: Int {
    case filled, hollow, dotted
  }
}

/// The outlines of marks.
enum Shape {
  case circle, square, diamond, triangle, wedge, hexagon, cross, plus

  /// The element that draws it around a place.
  func outline(_ x: Double, _ y: Double, _ radius: Double, _ number: (Double) -> String) -> String {
    func polygon(_ points: [(Double, Double)]) -> String {
      let corners = points.map { "\(number(x + $0.0 * radius)),\(number(y + $0.1 * radius))" }
      return "<polygon points=\"\(corners.joined(separator: " "))\"/>"
    }
    switch self {
    case .circle: return "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"\(number(radius))\"/>"
    case .square: return polygon([(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)])
    case .diamond: return polygon([(0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)])
    case .triangle: return polygon([(0, -1.15), (1.1, 0.8), (-1.1, 0.8)])
    case .wedge: return polygon([(0, 1.15), (1.1, -0.8), (-1.1, -0.8)])
    case .hexagon:
      return polygon([(-1.1, 0), (-0.55, -0.95), (0.55, -0.95), (1.1, 0), (0.55, 0.95), (-0.55, 0.95)])
    case .cross:
      return polygon([
        (0, -0.45), (0.75, -1.2), (1.2, -0.75), (0.45, 0), (1.2, 0.75), (0.75, 1.2), (0, 0.45), (-0.75, 1.2),
        (-1.2, 0.75), (-0.45, 0), (-1.2, -0.75), (-0.75, -1.2),
      ])
    case .plus:
      return polygon([
        (-0.35, -1.2), (0.35, -1.2), (0.35, -0.35), (1.2, -0.35), (1.2, 0.35), (0.35, 0.35), (0.35, 1.2),
        (-0.35, 1.2), (-0.35, 0.35), (-1.2, 0.35), (-1.2, -0.35), (-0.35, -0.35),
      ])
    }
  }
}

/// Okabe and Ito's colours, which the colour-blind can tell apart, and a shape for each.
struct Palette {
  private static let peers: [(store: String, shape: Shape, colour: String)] = [
    ("RocksDB", .square, "blue"), ("LevelDB", .triangle, "green"), ("LMDB", .diamond, "purple"),
    ("SQLite", .wedge, "orange"), ("WiredTiger", .hexagon, "sky"), ("Redis", .cross, "green"),
    ("PostgreSQL", .plus, "blue"),
  ]

  private let marks: [Subject.Name: Mark]

  /// Gives each subject a mark: the same for a store wherever it appears, hollow for its second configuration, with
  /// a dot inside for further ones.
  init(_ subjects: [Subject]) {
    var marks: [Subject.Name: Mark] = [:]
    var used: [String: Int] = [:]
    for subject in subjects where marks[subject.name] == nil && subject.role != .limit {
      let store = subject.name.split(separator: " ").first.map(String.init) ?? subject.name
      let variant = Mark.Variant(rawValue: used[store, default: 0]) ?? .dotted
      used[store, default: 0] += 1
      let look = Self.peers.first { $0.store == store }
      marks[subject.name] =
        subject.role == .ours
        ? Mark(shape: .circle, colour: "ours", variant: variant, isOurs: true)
        : Mark(
          shape: look?.shape ?? .square, colour: look?.colour ?? "grey", variant: variant, isOurs: false)
    }
    self.marks = marks
  }

  func mark(_ subject: Subject) -> Mark {
    marks[subject.name] ?? Mark(shape: .square, colour: "grey", variant: .hollow, isOurs: false)
  }

  private struct Colour {
    let name: String
    let light: String
    let dark: String
  }

  private static let colours = [
    Colour(name: "ours", light: "#d55e00", dark: "#ff7f2a"),
    Colour(name: "blue", light: "#0072b2", dark: "#4aa8e0"),
    Colour(name: "green", light: "#009e73", dark: "#2cc79a"),
    Colour(name: "purple", light: "#b05a8c", dark: "#e09ac0"),
    Colour(name: "orange", light: "#c98a00", dark: "#f0b429"),
    Colour(name: "sky", light: "#56b4e9", dark: "#8fd0f5"),
    Colour(name: "grey", light: "#777777", dark: "#aaaaaa"),
  ]

  /// The style sheet of every chart.
  static var styles: String {
    func rules(_ pick: (Colour) -> String) -> String {
      colours.map {
        ".mark.\($0.name){fill:\(pick($0))}.mark.hollow.\($0.name){stroke:\(pick($0))}.curve.\($0.name){stroke:\(pick($0))}"
      }.joined(separator: "\n")
    }
    return """
      text{font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;font-size:12px}
      .page{fill:#ffffff;stroke:#d0d7de}
      .label,.limit-label{fill:#24292f}
      .strong{fill:#24292f;font-weight:600}
      .title{fill:#24292f;font-weight:600;font-size:15px}
      .quiet{fill:#57606a;font-size:11px}
      .grid{stroke:#d8dee4;stroke-width:1}
      .even{stroke:#8c959f;stroke-width:1.5}
      .track{stroke:#eaeef2;stroke-width:1}
      .limit{stroke:#24292f;stroke-width:2.5}
      .curve{fill:none;stroke-width:2}
      .mark{stroke:#ffffff;stroke-width:1}
      \(rules { $0.light })
      .mark.hollow{fill:#ffffff;stroke-width:2}
      @media (prefers-color-scheme:dark){
      .page{fill:#0d1117;stroke:#30363d}
      .label,.limit-label,.strong,.title{fill:#e6edf3}
      .quiet{fill:#9198a1}
      .grid{stroke:#2a313a}
      .even{stroke:#6e7681}
      .track{stroke:#1b2128}
      .limit{stroke:#e6edf3}
      .mark{stroke:#0d1117}
      \(rules { $0.dark })
      .mark.hollow{fill:#0d1117}
      }
      """
  }
}
