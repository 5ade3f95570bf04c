import Testing

/// Where files are, how long they are, and what no file says.
enum LayoutRules {
  static let greatestLineCount = 450

  /// The folders of each module. A file lies in the module's own folder or in one of these.
  static let folders: [String: Set<String>] = [
    "CZstd": [], "CairnShims": ["include"], "CairnKV": ["Tuple"],
    "CairnEngine": [
      "Encoding", "FileSystem", "Ingest", "Log", "Memory", "Segment", "Values", "Versions", "Transaction",
      "Observation", "Verification", "Backup", "ReadOnly", "Repair", "CairnEngine.docc",
    ],
    "Cairn": [
      "Timeline", "Journal", "Queue", "Lease", "Flow", "Audit", "Coding", "Keyspace", "Cairn.docc",
    ],
    "CairnTesting": ["Disk", "Explorer", "Simulation", "CairnTesting.docc"],
    "CairnLogging": [], "CairnMetrics": [],
    "CairnCommand": ["Demo", "Files", "Soak", "Torture"],
  ]

  /// Names that say that whoever wrote them had no concept.
  private static let emptyNames = ["Util", "Helper", "Manager", "Misc", "Common"]

  static func findings(inPath path: String) -> [Finding] {
    let parts = path.split(separator: "/").map(String.init)
    guard parts.first == "Sources" else { return [] }
    guard parts.count > 2, let known = folders[parts[1]] else {
      return [Finding(path: path, line: 0, what: "lies in no module of the map")]
    }
    var result: [Finding] = []
    if parts.count > 4 { result.append(Finding(path: path, line: 0, what: "lies too deep")) }
    if parts.count > 3, !known.contains(parts[2]) {
      result.append(
        Finding(path: path, line: 0, what: "lies in the folder \(parts[2]), which the map does not know"))
    }
    if emptyNames.contains(where: { parts[parts.count - 1].contains($0) }) {
      result.append(Finding(path: path, line: 0, what: "has a name that says nothing"))
    }
    return result
  }

  static func findings(in file: Repository.SourceFile) -> [Finding] {
    var result: [Finding] = []
    if file.lines.count > greatestLineCount {
      result.append(
        Finding(
          path: file.path, line: greatestLineCount, what: "goes on for \(file.lines.count) lines: divide it"))
    }
    for (number, line) in file.lines.enumerated() {
      if machinePaths.contains(where: { line.contains($0) }) {
        result.append(Finding(path: file.path, line: number + 1, what: "names a path of one machine"))
      }
    }
    return result
  }

  /// Put together here, so that this file does not say them.
  private static let machinePaths = ["home", "Users", "root", "work", "workspace", "private/tmp"].map {
    "/\($0)/"
  }
}

@Suite struct LayoutTests {
  @Test func everyFileLiesWhereTheMapSays() throws {
    let findings = try Repository.files(below: "Sources").flatMap { LayoutRules.findings(inPath: $0) }
    #expect(findings.isEmpty, "\(findings)")
  }

  @Test func noFileIsTooLongOrNamesAMachine() throws {
    let swift = try ["Sources", "Tests"].flatMap { try Repository.swiftFiles(below: $0) }
    let findings = swift.flatMap { LayoutRules.findings(in: $0) }
    #expect(findings.isEmpty, "\(findings)")
  }

  @Test func noOtherFileNamesAMachine() throws {
    let endings = [
      ".md", ".yml", ".json", ".c", ".h", ".sh", "Makefile", "run", "Package.swift", ".modulemap",
    ]
    let skipped = ["state/", "cairn-demo/"]
    let paths = try (Repository.files(below: "")).filter { path in
      !skipped.contains { path.hasPrefix($0) }
        && (path.hasPrefix("scripts/") || endings.contains { path.hasSuffix($0) })
    }
    #expect(paths.contains("Makefile"))
    let findings = try paths.flatMap { path in
      // Only the lines matter: a document may be as long as it is.
      try LayoutRules.findings(in: Repository.SourceFile(path, Repository.text(of: path))).filter {
        !$0.what.contains("lines")
      }
    }
    #expect(findings.isEmpty, "\(findings)")
  }

  @Test(arguments: [
    ("Sources/Novel/A.swift", 1), ("Sources/A.swift", 1), ("Sources/CairnEngine/Novel/A.swift", 1),
    ("Sources/CairnEngine/Log/Deep/A.swift", 1), ("Sources/CairnEngine/Log/StringUtilities.swift", 1),
    ("Sources/CairnLogging/Novel/A.swift", 1), ("Sources/CairnMetrics/A.swift", 0),
    ("Sources/Cairn/Queue/A.swift", 0), ("Sources/CairnKV/A.swift", 0),
  ])
  func aStrayFileIsFound(path: String, count: Int) {
    #expect(LayoutRules.findings(inPath: path).count == count)
  }

  @Test func aLongFileIsFound() {
    let lines = String(repeating: "\n", count: LayoutRules.greatestLineCount)
    #expect(LayoutRules.findings(in: Repository.SourceFile("A.swift", lines)).count == 1)
    #expect(LayoutRules.findings(in: Repository.SourceFile("A.swift", String(lines.dropLast()))) == [])
  }

  @Test(arguments: ["home", "Users", "root", "work"])
  func aPathOfOneMachineIsFound(folder: String) {
    let file = Repository.SourceFile("A.swift", "let a = 1\nlet path = \"/\(folder)/somebody/file\"")
    #expect(LayoutRules.findings(in: file).map(\.line) == [2])
  }
}
