import BenchmarkKit
import CSQLite
import Cairn

/// SQLite as one would use it for this: a table a kind of thing, statements prepared once, a log synced at each commit.
struct SQLiteKind: WorkflowStoreKind {
  let subject = Subject(
    "SQLite", .peer, version: String(cString: sqlite3_libversion()),
    configuration: "WAL, synchronous=FULL, cache 256 MiB, statements prepared once, one connection")

  func open(in folder: ScratchFolder) async throws -> any WorkflowStore { try SQLiteWorkflowStore(folder) }
}

final class SQLiteWorkflowStore: WorkflowStore {
  private let folder: ScratchFolder
  private var database: OpaquePointer?
  private var statements: [String: OpaquePointer] = [:]
  private let encoder = CBOREncoder()
  private let decoder = CBORDecoder()

  init(_ folder: ScratchFolder) throws {
    self.folder = folder
    try check(sqlite3_open(folder.path + "/store.sqlite", &database))
    for sql in [
      "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA cache_size=-262144",
      "CREATE TABLE checkpoint (run TEXT, id INTEGER, state BLOB, PRIMARY KEY (run, id)) WITHOUT ROWID",
      "CREATE TABLE event (stream TEXT, version INTEGER, body BLOB, PRIMARY KEY (stream, version)) WITHOUT ROWID",
      "CREATE TABLE consumer (name TEXT PRIMARY KEY, next INTEGER) WITHOUT ROWID",
    ] { try check(sqlite3_exec(database, sql, nil, nil, nil)) }
  }

  func step(_ run: String, _ state: AgentState, _ event: AgentEvent) async throws {
    let state = try encoder.encode(state)
    let event = try encoder.encode(event)
    try transaction {
      try insertEvent(event, run)
      try execute(
        "INSERT INTO checkpoint VALUES (?1, coalesce((SELECT max(id) FROM checkpoint WHERE run = ?1), 0) + 1, ?2)",
        .text(run), .blob(state))
    }
  }

  func load(_ run: String) async throws -> AgentState? {
    let sql = "SELECT state FROM checkpoint WHERE run = ? ORDER BY id DESC LIMIT 1"
    var state: AgentState?
    try query(sql, .text(run)) { row in state = try decoder.decode(AgentState.self, from: Self.blob(row, 0)) }
    return state
  }

  func append(_ events: [AgentEvent], to stream: String) async throws {
    try transaction { for event in events { try insertEvent(encoder.encode(event), stream) } }
  }

  func consume(_ stream: String, as consumer: String, limit: Int) async throws -> [AgentEvent] {
    var events: [AgentEvent] = []
    try transaction {
      var next: Int64 = 1
      try query("SELECT next FROM consumer WHERE name = ?", .text(consumer)) {
        next = sqlite3_column_int64($0, 0)
      }
      let sql = "SELECT version, body FROM event WHERE stream = ? AND version >= ? ORDER BY version LIMIT ?"
      try query(sql, .text(stream), .integer(next), .integer(Int64(limit))) { row in
        next = sqlite3_column_int64(row, 0) + 1
        events.append(try decoder.decode(AgentEvent.self, from: Self.blob(row, 1)))
      }
      guard !events.isEmpty else { return }
      try execute("INSERT OR REPLACE INTO consumer VALUES (?, ?)", .text(consumer), .integer(next))
    }
    return events
  }

  func settledBytes() async throws -> Int {
    try check(sqlite3_exec(database, "PRAGMA wal_checkpoint(TRUNCATE)", nil, nil, nil))
    return try folder.bytesOnDisk()
  }

  func close() async throws {
    for statement in statements.values { sqlite3_finalize(statement) }
    statements = [:]
    try check(sqlite3_close(database))
    database = nil
    try folder.remove()
  }

  // MARK: Statements

  private enum Value {
    case text(String)
    case integer(Int64)
    case blob([UInt8])
  }

  private func insertEvent(_ event: [UInt8], _ stream: String) throws {
    try execute(
      "INSERT INTO event VALUES (?1, coalesce((SELECT max(version) FROM event WHERE stream = ?1), 0) + 1, ?2)",
      .text(stream), .blob(event))
  }

  private func transaction(_ body: () throws -> Void) throws {
    try execute("BEGIN IMMEDIATE")
    do {
      try body()
      try execute("COMMIT")
    } catch {
      try execute("ROLLBACK")
      throw error
    }
  }

  private func execute(_ sql: String, _ values: Value...) throws {
    try query(sql, values) { _ in }
  }

  private func query(_ sql: String, _ values: Value..., row: (OpaquePointer) throws -> Void) throws {
    try query(sql, values, row: row)
  }

  private func query(_ sql: String, _ values: [Value], row: (OpaquePointer) throws -> Void) throws {
    let statement = try prepared(sql)
    defer { sqlite3_reset(statement) }
    // The bytes are copied (-1, SQLITE_TRANSIENT): they are short, and nothing then depends on their lifetime.
    let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    for (index, value) in values.enumerated() {
      let place = Int32(index + 1)
      switch value {
      case .text(let text): try check(sqlite3_bind_text(statement, place, text, -1, copied))
      case .integer(let number): try check(sqlite3_bind_int64(statement, place, number))
      case .blob(let bytes): try check(sqlite3_bind_blob(statement, place, bytes, Int32(bytes.count), copied))
      }
    }
    while true {
      switch sqlite3_step(statement) {
      case SQLITE_ROW: try row(statement)
      case SQLITE_DONE: return
      case let code: try check(code)
      }
    }
  }

  private func prepared(_ sql: String) throws -> OpaquePointer {
    if let statement = statements[sql] { return statement }
    var statement: OpaquePointer?
    try check(sqlite3_prepare_v2(database, sql, -1, &statement, nil))
    guard let statement else { throw WorkflowFailure("SQLite prepared nothing") }
    statements[sql] = statement
    return statement
  }

  private static func blob(_ row: OpaquePointer, _ column: Int32) -> [UInt8] {
    let count = Int(sqlite3_column_bytes(row, column))
    return Array(UnsafeRawBufferPointer(start: sqlite3_column_blob(row, column), count: count))
  }

  private func check(_ code: Int32) throws {
    guard code == SQLITE_OK else {
      throw WorkflowFailure("SQLite: \(String(cString: sqlite3_errmsg(database)))")
    }
  }
}
