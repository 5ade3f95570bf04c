import Foundation

/// A picture under construction. Colours are named, and defined once for light and once for dark surroundings; the
/// picture brings its own background, so that it is readable where a page has a mind of its own.
struct SVG {
  let width: Double
  let height: Double
  private var elements: [String] = []

  init(width: Double, height: Double) {
    self.width = width
    self.height = height
  }

  /// How a text stands at its place.
  enum Anchor: String {
    case start, middle, end
  }

  mutating func text(
    _ text: String, _ x: Double, _ y: Double, _ anchor: Anchor = .start, style: String = "label"
  ) {
    elements.append(
      "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor.rawValue)\" class=\"\(style)\">"
        + escaped(text) + "</text>")
  }

  mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, style: String) {
    elements.append(
      "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" class=\"\(style)\"/>"
    )
  }

  mutating func path(_ points: [(x: Double, y: Double)], style: String) {
    let steps = points.map { "\(number($0.x)) \(number($0.y))" }.joined(separator: " L ")
    elements.append("<path d=\"M \(steps)\" class=\"\(style)\"/>")
  }

  mutating func mark(_ mark: Mark, _ x: Double, _ y: Double, radius: Double = 5, title: String) {
    let shape = mark.shape.outline(x, y, mark.isOurs ? radius * 1.35 : radius, number)
    let style = "mark \(mark.colour)\(mark.variant == .filled ? "" : " hollow")"
    var group = "<g class=\"\(style)\"><title>\(escaped(title))</title>\(shape)"
    if mark.variant == .dotted { group += Shape.circle.outline(x, y, 1, number) }
    elements.append(group + "</g>")
  }

  /// The file.
  var file: String {
    let size =
      "width=\"\(number(width))\" height=\"\(number(height))\" viewBox=\"0 0 \(number(width)) \(number(height))\""
    return """
      <svg xmlns="http://www.w3.org/2000/svg" \(size) role="img">
      <style>
      \(Palette.styles)
      </style>
      <rect width="100%" height="100%" rx="6" class="page"/>
      \(elements.joined(separator: "\n"))
      </svg>

      """
  }

  private func number(_ value: Double) -> String {
    let text = String(format: "%.1f", value)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}
