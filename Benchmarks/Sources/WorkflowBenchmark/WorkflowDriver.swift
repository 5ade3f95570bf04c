import BenchmarkKit
import Foundation

/// Runs every row on every store, in interleaved rounds.
struct WorkflowDriver {
  let options: WorkflowOptions
  private(set) var results: Results
  private var kinds: [any WorkflowStoreKind] = []
  private static let limit = Subject(
    "limit buffered", .limit,
    configuration: "the same bytes, whole pages, pwrite into a pre-written file, fdatasync")

  init(_ options: WorkflowOptions) {
    self.options = options
    results = Results(
      "workflow", command: (["workflow-benchmark"] + options.arguments).joined(separator: " "),
      isQuick: options.isQuick, machine: .current(folder: options.directory))
  }

  /// Everything. Stores that are not there are skipped, with a word.
  mutating func run() async throws {
    try FileManager.default.createDirectory(atPath: options.directory, withIntermediateDirectories: true)
    start("Cairn") { CairnKind() }
    start("SQLite") { SQLiteKind() }
    let directory = options.directory
    start("Redis") { try RedisKind(below: directory) }
    start("PostgreSQL") { try PostgreSQLKind(below: directory) }
    results.add(Self.limit)
    for row in WorkflowRow.all.flatMap(\.rows) { results.add(row) }

    let folder = try ScratchFolder(below: options.directory, "probe")
    let page = try DiskProbe(in: folder.path)
    let pages = try DiskProbe(in: folder.path, pageCount: 2)
    for round in 1...options.sizes.rounds {
      say("round \(round) of \(options.sizes.rounds)")
      for kind in Interleaving.order(kinds, round: round) {
        results.probe(try page.rate(), round: round)
        try await measure(kind, round)
      }
      let rate = try pages.rate(milliseconds: Int(options.sizes.seconds * 1000))
      results.record(rate, row: "workflow-step", subject: Self.limit.name, round: round)
      try measureEncoding(round)
    }
  }

  /// A store that fails is left out from then on: half a column would be worse than none.
  private mutating func measure(_ kind: any WorkflowStoreKind, _ round: Int) async throws {
    let name = kind.subject.name
    do {
      for row in WorkflowRow.all {
        let store = try await kind.open(in: ScratchFolder(below: options.directory, "workflow"))
        var measured = Measured()
        try await row.measure(store, options.sizes, &measured)
        try await store.close()
        for (id, value) in measured.values { results.record(value, row: id, subject: name, round: round) }
        for (id, notes) in measured.notes {
          for (what, value) in notes { results.note(value, what, row: id, subject: name, round: round) }
        }
      }
    } catch {
      if kind.subject.role == .ours { throw error }
      say("\(name) fails: \(error)")
      results.skip(name, because: "from round \(round) on: \(error)")
      kinds.removeAll { $0.subject.name == name }
    }
  }

  private mutating func start(_ name: String, _ make: () throws -> any WorkflowStoreKind) {
    guard options.wants(name) else { return }
    do {
      let kind = try make()
      kinds.append(kind)
      results.add(kind.subject)
    } catch {
      say("\(name) is left out: \(error)")
      results.skip(name, because: "\(error)")
    }
  }

  private mutating func measureEncoding(_ round: Int) throws {
    guard options.wants("Cairn") else { return }
    for comparison in EncodingComparison.all { try comparison.measure(round, options.sizes, &results) }
  }

  private func say(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }
}
