/// Swift source without its comments and without what its string literals say: a word in either is not code.
///
/// Line by line, so that findings keep their line numbers. It knows line comments, block comments that do not
/// nest, and ordinary, raw and multi-line literals, which is what this project uses.
struct CodeText {
  private(set) var lines: [String] = []

  init(_ file: Repository.SourceFile) {
    var isInBlockComment = false
    var isInMultiline = false
    for line in file.lines {
      var code = ""
      var rest = Substring(line)
      while let next = rest.first {
        if isInBlockComment {
          if rest.hasPrefix("*/") { isInBlockComment = false }
          rest = rest.dropFirst(isInBlockComment ? 1 : 2)
        } else if isInMultiline {
          if rest.hasPrefix("\"\"\"") { isInMultiline = false }
          rest = rest.dropFirst(isInMultiline ? 1 : 3)
        } else if rest.hasPrefix("//") {
          break
        } else if rest.hasPrefix("/*") {
          isInBlockComment = true
          rest = rest.dropFirst(2)
        } else if rest.hasPrefix("\"\"\"") {
          isInMultiline = true
          rest = rest.dropFirst(3)
        } else if next == "\"" {
          code += "\"\""
          rest = Self.afterLiteral(rest.dropFirst())
        } else {
          code.append(next)
          rest = rest.dropFirst()
        }
      }
      lines.append(code)
    }
  }

  private static func afterLiteral(_ text: Substring) -> Substring {
    var rest = text
    while let next = rest.first {
      if next == "\\" {
        rest = rest.dropFirst(2)
      } else if next == "\"" {
        return rest.dropFirst()
      } else {
        rest = rest.dropFirst()
      }
    }
    return rest
  }
}
