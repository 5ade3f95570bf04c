import Testing

/// Every public declaration has a doc comment.
enum DocumentationRule {
  /// Words that may stand before the one that says what is declared.
  private static let modifiers: Set<String> = [
    "final", "static", "class", "mutating", "nonmutating", "borrowing", "consuming", "override",
    "convenience",
    "required", "indirect", "lazy", "weak", "unowned", "nonisolated", "isolated", "distributed", "open",
  ]
  private static let declarations: Set<String> = [
    "func", "var", "let", "init", "struct", "class", "enum", "protocol", "typealias", "subscript", "actor",
    "case", "associatedtype", "macro",
  ]
  /// What fulfils a requirement of a protocol of the standard library, whose documentation says it all.
  private static let inherited = [
    "static func ==", "static func <", "func hash(into", "var description: String", "var testDescription",
    "func encode(to", "init(from", "typealias RawValue", "func next()", "func makeIterator(",
    "func makeAsyncIterator(", "static func ~=",
  ]

  static func findings(in file: Repository.SourceFile) -> [Finding] {
    var result: [Finding] = []
    var isDocumented = false
    // Members of a public protocol, and cases of a public enum, are public without saying so.
    var publicBodies: [(depth: Int, implies: Set<String>)] = []
    // What conforms to a protocol of this package is documented there.
    var conformingDepths: [Int] = []
    var depth = 0
    for (number, pair) in zip(file.lines, CodeText(file).lines).enumerated() {
      let text = pair.0.drop { $0 == " " }
      let code = pair.1.drop { $0 == " " }
      if text.hasPrefix("///") {
        isDocumented = true
        continue
      }
      let words = code.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "@") })
        .map(String.init)
      let kind = declaredKind(words)
      let isPublic = words.contains("public") && words.first != "import" && !words.contains("import")
      let implied =
        publicBodies.last.map { $0.depth == depth && kind.map($0.implies.contains) == true } ?? false
      if let kind, isPublic || implied, !isDocumented, !isInherited(code),
        !(conformingDepths.contains(depth) && kind != "struct")
      {
        result.append(Finding(path: file.path, line: number + 1, what: "is public without a doc comment"))
      }
      let opened = code.count { $0 == "{" }
      let closed = code.count { $0 == "}" }
      if let kind, opened > closed {
        if isPublic, kind == "protocol" {
          publicBodies.append((depth + 1, ["func", "var", "init", "subscript"]))
        }
        if isPublic, kind == "enum" { publicBodies.append((depth + 1, ["case"])) }
        if code.contains(":"), ["struct", "class", "actor", "enum"].contains(kind) {
          if isConformingToOurs(code) { conformingDepths.append(depth + 1) }
        }
      } else if words.first == "extension", opened > closed, isConformingToOurs(code) {
        conformingDepths.append(depth + 1)
      }
      depth += opened - closed
      publicBodies.removeAll { $0.depth > depth }
      conformingDepths.removeAll { $0 > depth }
      if !code.isEmpty, !code.hasPrefix("@") || kind != nil { isDocumented = false }
    }
    return result
  }

  private static func declaredKind(_ words: [String]) -> String? {
    var index = 0
    let access: Set<String> = ["public", "package", "internal", "private", "fileprivate", "set"]
    while index < words.count {
      let word = words[index]
      let isModifier = word.hasPrefix("@") || access.contains(word) || modifiers.contains(word)
      // `class` is a modifier before `func` and `var`, and a declaration before a name.
      if declarations.contains(word), !(word == "class" && words.dropFirst(index + 1).first == "func") {
        return word
      }
      guard isModifier else { return nil }
      index += 1
    }
    return nil
  }

  private static func isInherited(_ code: Substring) -> Bool {
    inherited.contains { code.contains($0) }
  }

  private static let ourProtocols = [
    "FileSystem", "File", "FileLock", "TimeSource", "RandomSource", "BackgroundScheduler", "BackgroundQueue",
    "KeyValueStore", "KeyValueReader", "KeyValueTransaction",
  ]

  private static func isConformingToOurs(_ code: Substring) -> Bool {
    guard let colon = code.firstIndex(of: ":") else { return false }
    let names = code[colon...].split(whereSeparator: { !($0.isLetter || $0.isNumber) }).map(String.init)
    return names.contains { ourProtocols.contains($0) }
  }
}

@Suite struct DocumentationTests {
  @Test func everyPublicDeclarationIsDocumented() throws {
    let libraries = ["CairnKV", "CairnEngine", "Cairn", "CairnTesting", "CairnLogging", "CairnMetrics"]
    let findings = try libraries.flatMap { try Repository.swiftFiles(below: "Sources/\($0)") }.flatMap {
      DocumentationRule.findings(in: $0)
    }
    #expect(findings.isEmpty, "\(findings)")
  }

  @Test(arguments: [
    ("public struct A {\n}", [1]), ("/// A.\npublic struct A {\n  public var b = 1\n}", [3]),
    ("/// A.\npublic protocol A {\n  func f()\n}", [3]), ("/// A.\npublic enum A {\n  case b\n}", [3]),
    ("/// A.\n\npublic func f() {\n}\npublic func g() {}", [5]),
    ("extension A {\n  @discardableResult\n  public mutating func f() {}\n}", [3]),
    ("/// A.\npublic final class A {\n  public init() {}\n}", [3]),
  ])
  func whatIsUndocumentedIsFound(text: String, lines: [Int]) {
    #expect(DocumentationRule.findings(in: Repository.SourceFile("A.swift", text)).map(\.line) == lines)
  }

  @Test(arguments: [
    "struct A {\n  var b = 1\n}", "/// A.\n@frozen\npublic struct A {\n  var b: Int { 1 }\n}",
    "public import A",
    "/// A.\npublic enum A {\n  /// B.\n  case b\n  var c: Int {\n    switch self {\n    case .b: 1\n    }\n  }\n}",
    "extension A: Hashable {\n  public static func == (left: A, right: A) -> Bool { true }\n}",
    "/// A.\npublic final class A: FileSystem {\n  public func list() {}\n}",
  ])
  func whatIsFineIsNot(text: String) {
    #expect(DocumentationRule.findings(in: Repository.SourceFile("A.swift", text)) == [])
  }
}
