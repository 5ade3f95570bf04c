import Testing

/// What sources may not say: calls that end the process on bad input, and ways around the seams.
enum BannedCalls {
  private struct Ban {
    let text: String
    let reason: String
    /// Folders in which it is allowed all the same.
    var except: [String] = []
    var only: [String] = []
  }

  private static let libraries = [
    "Sources/CairnKV/", "Sources/CairnEngine/", "Sources/Cairn/", "Sources/CairnTesting/",
    "Sources/CairnLogging/", "Sources/CairnMetrics/",
  ]
  private static let core = [
    "Sources/CairnKV/", "Sources/CairnEngine/", "Sources/Cairn/", "Sources/CairnLogging/",
    "Sources/CairnMetrics/",
  ]
  private static let fileSystem = "Sources/CairnEngine/FileSystem/"

  private static let bans: [Ban] = [
    Ban(text: "try!", reason: "ends the process on an error"),
    Ban(text: "as!", reason: "ends the process on another type"),
    Ban(text: "fatalError(", reason: "ends the process"),
    Ban(text: "preconditionFailure(", reason: "ends the process"),
    Ban(text: ".unsafelyUnwrapped", reason: "is undefined on nil"),
    Ban(text: "print(", reason: "a library does not print", only: libraries),
  ]
  private static let systemCalls: [Ban] = [
    "pread(", "pwrite(", "fsync(", "fdatasync(", "ftruncate(", "fallocate(", "rename(\"", "mkdir(",
    "flock(", "fcntl(", "readdir(", "mmap(", "clock_gettime(", "pthread_create(", "getrandom(", "arc4random",
    "FileManager", "SystemRandomNumberGenerator", ".random(in:", "ContinuousClock", "Thread(",
  ].map { call in
    Ban(
      text: call, reason: "files, time, randomness and threads come in through the seam",
      except: [fileSystem],
      only: core)
  }

  static func findings(in file: Repository.SourceFile) -> [Finding] {
    let bans = (bans + systemCalls).filter { ban in
      (ban.only.isEmpty || ban.only.contains { file.path.hasPrefix($0) })
        && !ban.except.contains { file.path.hasPrefix($0) }
    }
    return CodeText(file).lines.enumerated().flatMap { number, line in
      bans.filter { contains($0.text, line) }.map { ban in
        Finding(path: file.path, line: number + 1, what: "\(ban.text) \(ban.reason)")
      }
    }
  }

  /// Whether a line says a text that is not the tail of a longer word.
  private static func contains(_ text: String, _ line: String) -> Bool {
    var rest = Substring(line)
    while let range = rest.firstRange(of: text) {
      let before = rest[..<range.lowerBound].last
      let isTail = before.map { $0.isLetter || $0.isNumber || $0 == "_" } ?? false
      if !isTail || text.hasPrefix(".") { return true }
      rest = rest[range.upperBound...]
    }
    return false
  }
}

@Suite struct BannedCallTests {
  @Test func nothingBannedIsCalled() throws {
    let findings = try Repository.swiftFiles(below: "Sources").flatMap { BannedCalls.findings(in: $0) }
    #expect(findings.isEmpty, "\(findings)")
  }

  @Test(arguments: [
    ("Sources/CairnKV/A.swift", "let x = try! f()"), ("Sources/Cairn/A.swift", "let y = x as! Int"),
    ("Sources/CairnEngine/Log/A.swift", "  fatalError(\"never\")"),
    ("Sources/CairnCommand/A.swift", "preconditionFailure()"),
    ("Sources/CairnEngine/FileSystem/A.swift", "x.unsafelyUnwrapped"),
    ("Sources/CairnTesting/A.swift", "print(x)"),
    ("Sources/CairnEngine/Log/A.swift", "_ = pread(d, p, 1, 0)"),
    ("Sources/Cairn/A.swift", "Int.random(in: 0..<1)"),
    ("Sources/CairnMetrics/A.swift", "clock: C = ContinuousClock()"),
    ("Sources/CairnLogging/A.swift", "print(event)"),
  ])
  func aBannedCallIsFound(path: String, line: String) {
    #expect(BannedCalls.findings(in: Repository.SourceFile(path, line)).map(\.line) == [1])
  }

  @Test(arguments: [
    ("Sources/CairnKV/A.swift", "/// Never `try!`, never `fatalError()`."),
    ("Sources/Cairn/A.swift", "throw E(\"print(x) as! y\")"), ("Sources/CairnCommand/A.swift", "print(x)"),
    ("Sources/CairnEngine/FileSystem/A.swift", "pwrite(d, p, 1, 0)"),
    ("Sources/CairnTesting/A.swift", "reprint(x)"),
  ])
  func anAllowedOneIsNot(path: String, line: String) {
    #expect(BannedCalls.findings(in: Repository.SourceFile(path, line)) == [])
  }
}
