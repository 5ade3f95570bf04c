import BenchmarkKit
import Cairn
import Foundation

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// PostgreSQL with everything synced, over a local socket, in a data directory of its own.
final class PostgreSQLKind: WorkflowStoreKind {
  let subject: Subject
  private let sockets: SocketFolder
  private let folder: ScratchFolder
  private let server: Server
  private static let user = "postgres"
  /// Where everybody may write, on a disk.
  private static let openBase = "/var/tmp"

  /// Makes a data directory and starts the server; as the user `postgres` where this runs as root, which the server
  /// refuses.
  /// - Throws: when it is not installed, or does not start.
  init(below base: String) throws {
    let programs = try Self.programFolder()
    let version = try Command.output(programs + "/postgres", ["--version"])
    sockets = try SocketFolder()
    let launcher =
      geteuid() == 0 ? ["setpriv", "--reuid", Self.user, "--regid", Self.user, "--clear-groups"] : ["env"]
    func arguments(_ program: String, _ rest: [String]) -> [String] {
      Array(launcher.dropFirst()) + [program] + rest
    }
    /// Whether that user may write to a folder: the ones above it may be closed to it.
    func isOpen(_ folder: String) throws -> Bool {
      if geteuid() == 0 { try Command.output("chown", [Self.user, folder]) }
      return (try? Command.output(launcher[0], arguments("test", ["-w", folder]))) != nil
    }
    var scratch = try ScratchFolder(below: base, "postgresql")
    if try !isOpen(scratch.path) { scratch = try ScratchFolder(below: Self.openBase, "cairn-postgresql") }
    guard try isOpen(scratch.path), try isOpen(sockets.path) else {
      throw WorkflowFailure("the user \(Self.user) may not write to \(scratch.path)")
    }
    folder = scratch
    let data = folder.path + "/data"
    // Checksums as Cairn, RocksDB and the others have them.
    let choices = [
      "-D", data, "-U", Self.user, "--auth=trust", "-E", "UTF8", "--no-locale", "--data-checksums",
    ]
    try Command.output(launcher[0], arguments(programs + "/initdb", choices))
    let socket = sockets.path
    let settings = [
      "fsync=on", "synchronous_commit=on", "shared_buffers=256MB", "listen_addresses=",
      "unix_socket_directories=\(socket)",
    ]
    server = try Server(
      launcher[0], arguments(programs + "/postgres", ["-D", data] + settings.flatMap { ["-c", $0] }),
      log: folder.path + "/log"
    ) { (try? PostgreSQLConnection(socket: socket, user: Self.user)) != nil }
    subject = Subject(
      "PostgreSQL", .peer,
      version: version.firstMatch(of: /([0-9]+\.[0-9]+)/).map { String($0.output.1) } ?? "",
      configuration:
        "fsync=on, synchronous_commit=on, shared_buffers 256 MB, data checksums, Unix socket, prepared "
        + "statements, one statement (one round trip) a transaction"
        + (folder.path.hasPrefix(base) ? "" : "; data in \(Self.openBase), since the user may not enter here")
    )
  }

  func open(in scratch: ScratchFolder) async throws -> any WorkflowStore {
    try scratch.remove()
    return try PostgreSQLWorkflowStore(PostgreSQLConnection(socket: sockets.path, user: Self.user))
  }

  /// The server's programs are not on the search path, where Debian and others can have several versions.
  private static func programFolder() throws -> String {
    var folders: [String] = []
    if let told = try? Command.output("pg_config", ["--bindir"]) {
      folders.append(told.trimmingCharacters(in: .whitespacesAndNewlines))
    }
    let versions = "/usr/lib/postgresql"
    let found = (try? FileManager.default.contentsOfDirectory(atPath: versions)) ?? []
    folders += found.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "\(versions)/\($0)/bin" }
    guard let folder = folders.first(where: { FileManager.default.isExecutableFile(atPath: $0 + "/initdb") })
    else {
      throw WorkflowFailure("PostgreSQL's server is not installed")
    }
    return folder
  }
}

final class PostgreSQLWorkflowStore: WorkflowStore {
  private let connection: PostgreSQLConnection
  private let encoder = CBOREncoder()
  private let decoder = CBORDecoder()

  init(_ connection: PostgreSQLConnection) throws {
    self.connection = connection
    try connection.run(
      """
      SET client_min_messages = warning;
      DROP TABLE IF EXISTS checkpoint, event, consumer;
      CREATE TABLE checkpoint (run text, id bigint, state bytea, PRIMARY KEY (run, id));
      CREATE TABLE event (stream text, version bigint, body bytea, PRIMARY KEY (stream, version));
      CREATE TABLE consumer (name text PRIMARY KEY, next bigint);
      CHECKPOINT
      """)
  }

  func step(_ run: String, _ state: AgentState, _ event: AgentEvent) async throws {
    try connection.query(
      """
      WITH saved AS (INSERT INTO checkpoint VALUES (
        $1::text, coalesce((SELECT max(id) FROM checkpoint WHERE run = $1::text), 0) + 1, $2::bytea))
      INSERT INTO event VALUES (
        $1::text, coalesce((SELECT max(version) FROM event WHERE stream = $1::text), 0) + 1, $3::bytea)
      """, .text(run), .bytes(encoder.encode(state)), .bytes(encoder.encode(event)))
  }

  func load(_ run: String) async throws -> AgentState? {
    let rows = try connection.query(
      "SELECT state FROM checkpoint WHERE run = $1::text ORDER BY id DESC LIMIT 1", .text(run))
    return try rows.first?[0].map { try decoder.decode(AgentState.self, from: $0) }
  }

  func append(_ events: [AgentEvent], to stream: String) async throws {
    try connection.run("BEGIN")
    for event in events {
      try connection.query(
        """
        INSERT INTO event VALUES (
          $1::text, coalesce((SELECT max(version) FROM event WHERE stream = $1::text), 0) + 1, $2::bytea)
        """, .text(stream), .bytes(encoder.encode(event)))
    }
    try connection.run("COMMIT")
  }

  /// One statement reads and moves; it keeps other consumers of the same name waiting meanwhile.
  func consume(_ stream: String, as consumer: String, limit: Int) async throws -> [AgentEvent] {
    let rows = try connection.query(
      """
      WITH place AS (SELECT next FROM consumer WHERE name = $2::text FOR UPDATE),
      found AS (
        SELECT version, body FROM event
        WHERE stream = $1::text AND version >= coalesce((SELECT next FROM place), 1)
        ORDER BY version LIMIT $3::bigint),
      moved AS (
        INSERT INTO consumer SELECT $2::text, max(version) + 1 FROM found HAVING count(*) > 0
        ON CONFLICT (name) DO UPDATE SET next = excluded.next)
      SELECT body FROM found ORDER BY version
      """, .text(stream), .text(consumer), .text("\(limit)"))
    return try rows.compactMap { row in try row[0].map { try decoder.decode(AgentEvent.self, from: $0) } }
  }

  /// The tables with their indexes. The server's log, which it recycles, is left out.
  func settledBytes() async throws -> Int {
    try connection.run("CHECKPOINT")
    let rows = try connection.query(
      "SELECT (pg_total_relation_size('checkpoint') + pg_total_relation_size('event'))::text")
    guard let text = rows.first?[0], let bytes = Int(String(decoding: text, as: UTF8.self)) else {
      throw WorkflowFailure("PostgreSQL does not say how large its tables are")
    }
    return bytes
  }

  func close() async throws { try connection.run("DROP TABLE checkpoint, event, consumer") }
}
