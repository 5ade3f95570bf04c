import BenchmarkKit
import CHiredis
import Cairn
import Foundation

/// Redis with a log that is synced before each answer, over a local socket. Everything is in memory as well.
final class RedisKind: WorkflowStoreKind {
  let subject: Subject
  private let sockets: SocketFolder
  private let folder: ScratchFolder
  private let server: Server
  private var socket: String { sockets.path + "/redis" }

  /// Starts the server.
  /// - Throws: when it is not installed, or does not start.
  init(below base: String) throws {
    let version = try Command.output("redis-server", ["--version"])
    sockets = try SocketFolder()
    folder = try ScratchFolder(below: base, "redis")
    let socket = sockets.path + "/redis"
    server = try Server(
      "redis-server",
      [
        "--port", "0", "--unixsocket", socket, "--dir", folder.path, "--appendonly", "yes", "--appendfsync",
        "always", "--auto-aof-rewrite-percentage", "0", "--save", "", "--daemonize", "no",
      ], log: folder.path + "/log"
    ) { (try? RedisConnection(socket).command(["PING"])) == .text("PONG") }
    subject = Subject(
      "Redis", .peer, version: version.firstMatch(of: /v=([0-9.]+)/).map { String($0.output.1) } ?? "",
      configuration:
        "appendonly yes, appendfsync always, rewritten only between cells, no snapshots, Unix socket, "
        + "each transaction in one round trip"
    )
  }

  func open(in scratch: ScratchFolder) async throws -> any WorkflowStore {
    let connection = try RedisConnection(socket)
    try connection.command(["FLUSHALL"])
    // What earlier rounds left in the log goes as well.
    try connection.rewriteLog()
    try scratch.remove()
    return RedisWorkflowStore(connection, folder)
  }
}

final class RedisWorkflowStore: WorkflowStore {
  private let connection: RedisConnection
  private let folder: ScratchFolder
  private let encoder = CBOREncoder()
  private let decoder = CBORDecoder()

  init(_ connection: RedisConnection, _ folder: ScratchFolder) {
    self.connection = connection
    self.folder = folder
  }

  func step(_ run: String, _ state: AgentState, _ event: AgentEvent) async throws {
    try connection.transaction([
      [.text("RPUSH"), .text("checkpoints:" + run), .bytes(encoder.encode(state))],
      [.text("RPUSH"), .text("events:" + run), .bytes(encoder.encode(event))],
    ])
  }

  func load(_ run: String) async throws -> AgentState? {
    guard case .bytes(let bytes) = try connection.command(["LINDEX", "checkpoints:" + run, "-1"]) else {
      return nil
    }
    return try decoder.decode(AgentState.self, from: bytes)
  }

  func append(_ events: [AgentEvent], to stream: String) async throws {
    let bodies = try events.map { RedisConnection.Argument.bytes(try encoder.encode($0)) }
    try connection.transaction([[.text("RPUSH"), .text("events:" + stream)] + bodies])
  }

  /// The place is watched, so that the transaction fails when another consumer has moved it meanwhile.
  func consume(_ stream: String, as consumer: String, limit: Int) async throws -> [AgentEvent] {
    let place = "consumer:" + consumer
    let answers = try connection.commands([[.text("WATCH"), .text(place)], [.text("GET"), .text(place)]])
    var next = 0
    if case .bytes(let digits) = answers[1] { next = Int(String(decoding: digits, as: UTF8.self)) ?? 0 }
    let range = ["LRANGE", "events:" + stream, "\(next)", "\(next + limit - 1)"]
    guard case .list(let bodies) = try connection.command(range) else {
      throw WorkflowFailure("Redis has not answered with a list")
    }
    let events = try bodies.map { body in
      guard case .bytes(let bytes) = body else { throw WorkflowFailure("Redis has not answered with bytes") }
      return try decoder.decode(AgentEvent.self, from: bytes)
    }
    try connection.transaction([[.text("SET"), .text(place), .text("\(next + events.count)")]])
    return events
  }

  func settledBytes() async throws -> Int { try ScratchFolder.bytesOnDisk(folder.path) }

  func close() async throws { try connection.command(["FLUSHALL"]) }
}
