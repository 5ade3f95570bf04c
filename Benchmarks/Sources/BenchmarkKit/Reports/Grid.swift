/// A table of texts: a header, and rows of as many columns. The first column is names, the others figures.
struct Grid {
  var header: [String]
  var rows: [[String]] = []

  /// With columns of equal width, for a terminal.
  var terminalText: String {
    let lines = [header] + rows
    let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    let texts = lines.map { line in
      let padded = line.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - line[column].count)
        return column == 0 ? line[column] + padding : padding + line[column]
      }
      return padded.joined(separator: "  ").trimmingTrailingSpaces
    }
    let rule = String(repeating: "─", count: widths.reduce(0, +) + 2 * (widths.count - 1))
    return ([texts[0], rule] + texts.dropFirst()).joined(separator: "\n") + "\n"
  }

  /// As Markdown, figures to the right.
  var markdown: String {
    let alignments = header.indices.map { $0 == 0 ? "---" : "--:" }
    return ([header, alignments] + rows).map { cells in
      "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
    }.joined(separator: "\n") + "\n"
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    var text = self
    while text.hasSuffix(" ") { text.removeLast() }
    return text
  }
}
