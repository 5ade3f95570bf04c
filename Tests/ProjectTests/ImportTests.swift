import Testing

/// Arrows point down only: which module may import which.
enum ImportRules {
  /// For each module, what it may import anywhere in it.
  static let allowed: [String: Set<String>] = [
    "CairnKV": [],
    "CairnEngine": ["CairnKV", "CairnShims", "CZstd", "Synchronization"],
    "Cairn": ["CairnKV", "CairnEngine", "Synchronization"],
    "CairnTesting": ["CairnKV", "CairnEngine", "Cairn", "Synchronization"],
    // Nobody imports these two, so that only who asks for their products has what they depend on.
    "CairnLogging": ["CairnKV", "CairnEngine", "Logging"],
    "CairnMetrics": ["CairnKV", "CairnEngine", "CoreMetrics", "Synchronization"],
    "CairnCommand": [
      "CairnKV", "CairnEngine", "Cairn", "ArgumentParser", "Foundation", "Synchronization", "Glibc", "Darwin",
    ],
  ]
  /// What only the files of one folder may import as well.
  static let allowedInFolder: [(folder: String, modules: Set<String>)] = [
    ("Sources/CairnEngine/FileSystem/", ["Glibc", "Darwin"]),
    ("Sources/CairnTesting/", ["Glibc", "Darwin"]),
  ]
  /// The layer is written against the seam: only the file that picks the engine may name it.
  static let engineUsers: Set<String> = ["Sources/Cairn/Store+Opening.swift"]

  static func findings(in file: Repository.SourceFile) -> [Finding] {
    let parts = file.path.split(separator: "/")
    guard parts.count > 2, parts[0] == "Sources", let general = allowed[String(parts[1])] else {
      return [Finding(path: file.path, line: 1, what: "is in no module of the map")]
    }
    var allowed = general
    for rule in allowedInFolder where file.path.hasPrefix(rule.folder) { allowed.formUnion(rule.modules) }
    if parts[1] == "Cairn", !engineUsers.contains(file.path) { allowed.remove("CairnEngine") }
    return CodeText(file).lines.enumerated().compactMap { number, line in
      guard let module = importedModule(line), !allowed.contains(module) else { return nil }
      return Finding(path: file.path, line: number + 1, what: "may not import \(module)")
    }
  }

  /// The module that a line imports; `nil` when it is no import.
  static func importedModule(_ line: String) -> String? {
    let words = line.split(whereSeparator: { $0 == " " || $0 == "(" || $0 == ")" }).map(String.init)
    guard let index = words.firstIndex(of: "import") else { return nil }
    let modifiers: Set<String> = [
      "@_exported", "@preconcurrency", "@testable", "@_spi", "public", "package", "internal", "private",
      "fileprivate",
    ]
    guard words[..<index].allSatisfy({ modifiers.contains($0) }) else { return nil }
    let kinds: Set<String> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
    guard let name = words[(index + 1)...].first(where: { !kinds.contains($0) }) else { return nil }
    return name.split(separator: ".").first.map(String.init)
  }
}

@Suite struct ImportTests {
  @Test func importsPointDown() throws {
    let findings = try Repository.swiftFiles(below: "Sources").flatMap { ImportRules.findings(in: $0) }
    #expect(findings.isEmpty, "\(findings)")
  }

  @Test(arguments: [
    ("Sources/CairnKV/A.swift", "import Synchronization", "may not import Synchronization"),
    ("Sources/CairnKV/Tuple/A.swift", "public import CairnEngine", "may not import CairnEngine"),
    ("Sources/CairnEngine/Log/A.swift", "  import Glibc", "may not import Glibc"),
    ("Sources/CairnEngine/Log/A.swift", "import struct Foundation.Data", "may not import Foundation"),
    ("Sources/CairnEngine/Log/A.swift", "@_exported public import Cairn", "may not import Cairn"),
    ("Sources/Cairn/Journal/A.swift", "internal import CairnEngine", "may not import CairnEngine"),
    ("Sources/Cairn/Journal/A.swift", "import Foundation", "may not import Foundation"),
    ("Sources/CairnEngine/Observation/A.swift", "import Logging", "may not import Logging"),
    ("Sources/CairnEngine/Observation/A.swift", "import CoreMetrics", "may not import CoreMetrics"),
    ("Sources/Cairn/A.swift", "import CairnLogging", "may not import CairnLogging"),
    ("Sources/CairnTesting/A.swift", "import CairnMetrics", "may not import CairnMetrics"),
    ("Sources/CairnCommand/A.swift", "import Logging", "may not import Logging"),
    ("Sources/CairnLogging/A.swift", "import CoreMetrics", "may not import CoreMetrics"),
    ("Sources/CairnLogging/A.swift", "import Cairn", "may not import Cairn"),
    ("Sources/CairnMetrics/A.swift", "import CairnLogging", "may not import CairnLogging"),
    ("Sources/CairnMetrics/A.swift", "import Foundation", "may not import Foundation"),
    ("Sources/Novel/A.swift", "", "is in no module of the map"),
  ])
  func aForbiddenImportIsFound(path: String, text: String, what: String) {
    let findings = ImportRules.findings(in: Repository.SourceFile(path, "// import Nothing\n" + text))
    #expect(findings.map(\.what) == [what])
  }

  @Test func anAllowedImportIsNot() {
    let files = [
      Repository.SourceFile("Sources/CairnEngine/FileSystem/A.swift", "#if X\n  import Darwin\n#endif"),
      Repository.SourceFile("Sources/Cairn/Store+Opening.swift", "public import CairnEngine"),
      Repository.SourceFile("Sources/CairnLogging/A.swift", "public import CairnEngine\nimport Logging"),
      Repository.SourceFile("Sources/CairnMetrics/A.swift", "public import CairnEngine\nimport CoreMetrics"),
      Repository.SourceFile("Sources/Cairn/A.swift", "let text = \"import Foundation\"\n/* import Glibc */"),
    ]
    #expect(files.flatMap { ImportRules.findings(in: $0) } == [])
  }
}
