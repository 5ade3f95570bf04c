import CSQLite
import Foundation
import Synchronization

/// SQLite with a write-ahead log: one connection a session, statements prepared once.
///
/// Writers of this process take turns at a lock of their own, which is what its documentation advises, and much faster
/// than having them try again when the file is busy.
public struct SQLiteEngine: StoreEngine {
  public init() {}

  public var name: String { "SQLite" }
  public var version: String { String(cString: sqlite3_libversion()) }

  public func configuration(_ settings: StoreSettings) -> String {
    "WAL, cache \(settings.memoryBytes >> 21) MiB, mmap \(settings.memoryBytes >> 21) MiB, checkpoint every "
      + "\(settings.writeBufferBytes >> 20) MiB, table\(Self.kind(of: settings).isEmpty ? " with rowid" : Self.kind(of: settings)); durable: synchronous=FULL; not durable: synchronous=OFF"
  }

  /// Its documentation advises against WITHOUT ROWID for rows of more than a twentieth of a page: inner pages of such
  /// a table hold whole rows.
  private static func kind(of settings: StoreSettings) -> String {
    settings.hasLargeValues ? "" : " WITHOUT ROWID"
  }

  public func open(at path: String, _ settings: StoreSettings) throws -> any BenchmarkStore {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let store = SQLiteStore(path + "/store.db", settings)
    let connection = try SQLiteConnection(store)
    try connection.run(
      "CREATE TABLE IF NOT EXISTS t (k BLOB PRIMARY KEY, v BLOB NOT NULL)\(Self.kind(of: settings))")
    return store
  }
}

final class SQLiteStore: BenchmarkStore, Sendable {
  fileprivate let path: String
  fileprivate let settings: StoreSettings
  fileprivate let writers = Mutex(())

  init(_ path: String, _ settings: StoreSettings) {
    self.path = path
    self.settings = settings
  }

  func makeSession() throws -> any StoreSession { try SQLiteSession(self) }

  /// The log is synced where it is, and the database, into which checkpoints have put things without a sync.
  func synchronize() throws {
    for file in [path, path + "-wal"] {
      let descriptor = open(file, O_RDWR)
      if descriptor < 0 && errno == ENOENT { continue }
      guard descriptor >= 0, fsync(descriptor) == 0 else { throw StoreFailure("\(file): errno \(errno)") }
      Foundation.close(descriptor)
    }
  }

  /// The log goes into the database and is cut off.
  func settle() throws {
    let connection = try SQLiteConnection(self)
    try connection.run("PRAGMA synchronous=FULL")
    try connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
  }

  func close() throws {}
}

/// One connection, with the settings of its store.
final class SQLiteConnection {
  let handle: OpaquePointer

  init(_ store: SQLiteStore) throws {
    var opened: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    let status = sqlite3_open_v2(store.path, &opened, flags, nil)
    guard let opened else { throw StoreFailure("sqlite3_open_v2 has returned nothing") }
    handle = opened
    try check(status, "sqlite3_open_v2")
    try check(sqlite3_busy_timeout(handle, 60_000), "sqlite3_busy_timeout")
    let half = store.settings.memoryBytes / 2
    try run("PRAGMA journal_mode=WAL")
    try run("PRAGMA synchronous=FULL")
    try run("PRAGMA cache_size=-\(half / 1024)")
    try run("PRAGMA mmap_size=\(half)")
    try run("PRAGMA wal_autocheckpoint=\(store.settings.writeBufferBytes / 4096)")
  }

  deinit { sqlite3_close_v2(handle) }

  func run(_ sql: String) throws { try check(sqlite3_exec(handle, sql, nil, nil, nil), sql) }

  func prepare(_ sql: String) throws -> OpaquePointer {
    var statement: OpaquePointer?
    let status = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
    try check(status, sql)
    guard let statement else { throw StoreFailure("sqlite3_prepare_v3 has returned nothing") }
    return statement
  }

  func check(_ status: Int32, _ what: String) throws {
    guard status == SQLITE_OK || status == SQLITE_DONE || status == SQLITE_ROW else {
      throw StoreFailure("\(what): \(String(cString: sqlite3_errmsg(handle)))")
    }
  }
}

private final class SQLiteSession: StoreSession {
  private let store: SQLiteStore
  private let connection: SQLiteConnection
  private let begin, finish, put, find, range, last, removal: OpaquePointer
  private var isDurable = true

  init(_ store: SQLiteStore) throws {
    self.store = store
    connection = try SQLiteConnection(store)
    begin = try connection.prepare("BEGIN IMMEDIATE")
    finish = try connection.prepare("COMMIT")
    put = try connection.prepare("INSERT INTO t VALUES (?1, ?2) ON CONFLICT (k) DO UPDATE SET v = ?2")
    find = try connection.prepare("SELECT v FROM t WHERE k = ?1")
    range = try connection.prepare("SELECT k, v FROM t WHERE k >= ?1 ORDER BY k LIMIT ?2")
    last = try connection.prepare("SELECT v FROM t WHERE k >= ?1 AND k < ?2 ORDER BY k DESC LIMIT 1")
    removal = try connection.prepare("DELETE FROM t WHERE k >= ?1 AND k < ?2")
  }

  deinit {
    for statement in [begin, finish, put, find, range, last, removal] { sqlite3_finalize(statement) }
  }

  /// Bound without a copy: the bytes stay where they are until the statement is reset.
  private func bind(_ statement: OpaquePointer, _ index: Int32, _ bytes: UnsafeRawBufferPointer) {
    sqlite3_bind_blob(statement, index, bytes.baseAddress, Int32(bytes.count), nil)
  }

  private func run(_ statement: OpaquePointer, _ what: String) throws {
    let status = sqlite3_step(statement)
    sqlite3_reset(statement)
    try connection.check(status, what)
  }

  private func bytes(_ statement: OpaquePointer, _ column: Int32) -> UnsafeRawBufferPointer {
    let start = sqlite3_column_blob(statement, column)
    return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column)))
  }

  private func setDurable(_ wanted: Bool) throws {
    guard isDurable != wanted else { return }
    try connection.run("PRAGMA synchronous=\(wanted ? "FULL" : "OFF")")
    isDurable = wanted
  }

  func commit(_ writes: WriteSet, durable: Bool) throws {
    try setDurable(durable)
    try store.writers.withLock { _ in
      // A statement by itself is a transaction.
      if writes.count == 1 { return try insert(writes, 0) }
      try run(begin, "BEGIN")
      for index in 0..<writes.count { try insert(writes, index) }
      try run(finish, "COMMIT")
    }
  }

  private func insert(_ writes: WriteSet, _ index: Int) throws {
    try writes.keys[index].withUnsafeBytes { key in
      try writes.values[index].withUnsafeBytes { value in
        bind(put, 1, key)
        bind(put, 2, value)
        try run(put, "INSERT")
      }
    }
  }

  func lend(_ key: [UInt8], to body: (UnsafeRawBufferPointer?) -> Void) throws {
    try key.withUnsafeBytes { key in
      bind(find, 1, key)
      let status = sqlite3_step(find)
      body(status == SQLITE_ROW ? bytes(find, 0) : nil)
      sqlite3_reset(find)
      try connection.check(status, "SELECT")
    }
  }

  func scan(
    from lower: [UInt8], limit: Int, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
  ) throws {
    try lower.withUnsafeBytes { lower in
      bind(range, 1, lower)
      sqlite3_bind_int64(range, 2, Int64(limit))
      var status = sqlite3_step(range)
      while status == SQLITE_ROW {
        body(bytes(range, 0), bytes(range, 1))
        status = sqlite3_step(range)
      }
      sqlite3_reset(range)
      try connection.check(status, "SELECT")
    }
  }

  func newest(ofPrefix prefix: [UInt8], to body: (UnsafeRawBufferPointer?) -> Void) throws {
    let above = successor(ofPrefix: prefix) ?? [UInt8](repeating: 0xFF, count: prefix.count + 9)
    try prefix.withUnsafeBytes { prefix in
      try above.withUnsafeBytes { above in
        bind(last, 1, prefix)
        bind(last, 2, above)
        let status = sqlite3_step(last)
        body(status == SQLITE_ROW ? bytes(last, 0) : nil)
        sqlite3_reset(last)
        try connection.check(status, "SELECT")
      }
    }
  }

  func removeAll(from lower: [UInt8], to upper: [UInt8]) throws {
    try setDurable(true)
    try store.writers.withLock { _ in
      try lower.withUnsafeBytes { lower in
        try upper.withUnsafeBytes { upper in
          bind(removal, 1, lower)
          bind(removal, 2, upper)
          try run(removal, "DELETE")
        }
      }
    }
  }
}
