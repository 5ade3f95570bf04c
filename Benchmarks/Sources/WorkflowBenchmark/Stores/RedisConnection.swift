import CHiredis
import Foundation

/// A connection to Redis, for one caller at a time.
final class RedisConnection {
  /// One word of a command.
  enum Argument {
    case text(String)
    case bytes([UInt8])
  }

  /// What came back. Errors are thrown instead.
  enum Answer: Equatable {
    case text(String)
    case bytes([UInt8])
    case number(Int64)
    case list([Answer])
    case nothing
  }

  private let context: UnsafeMutablePointer<redisContext>

  init(_ socket: String) throws {
    guard let context = redisConnectUnix(socket) else { throw WorkflowFailure("Redis: no memory to connect") }
    self.context = context
    // From here on the deinitialiser lets go of it, when this throws as well.
    guard context.pointee.err == 0 else { throw failure() }
  }

  deinit { redisFree(context) }

  /// Sends one command, and waits for its answer.
  @discardableResult
  func command(_ words: [String]) throws -> Answer {
    try commands([words.map { .text($0) }])[0]
  }

  /// Sends commands together, and waits for all of their answers.
  func commands(_ commands: [[Argument]]) throws -> [Answer] {
    for command in commands { try send(command) }
    return try commands.map { _ in try receive() }
  }

  /// Sends commands as one transaction, in one round trip.
  func transaction(_ commands: [[Argument]]) throws {
    let answers = try self.commands([[.text("MULTI")]] + commands + [[.text("EXEC")]])
    guard case .list? = answers.last else { throw WorkflowFailure("Redis has not run the transaction") }
  }

  /// Has the log written anew, and waits until it is.
  func rewriteLog() throws {
    try command(["BGREWRITEAOF"])
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
      if case .bytes(let text) = try command(["INFO", "persistence"]) {
        let lines = String(decoding: text, as: UTF8.self)
        let isIdle = ["aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0"].allSatisfy(lines.contains)
        if isIdle { return }
      }
      usleep(5000)
    }
    throw WorkflowFailure("Redis does not end rewriting its log")
  }

  private func send(_ words: [Argument]) throws {
    let bytes = words.map { word in
      switch word {
      case .text(let text): Array(text.utf8)
      case .bytes(let bytes): bytes
      }
    }
    var lengths = bytes.map(\.count)
    // One piece of memory holds all words: their pointers stay good while it is borrowed.
    let joined = bytes.flatMap { $0 }
    let status = joined.withUnsafeBufferPointer { buffer -> Int32 in
      var pointers: [UnsafePointer<CChar>?] = []
      var offset = 0
      return buffer.withMemoryRebound(to: CChar.self) { characters in
        for length in lengths {
          pointers.append(characters.baseAddress.map { $0 + offset })
          offset += length
        }
        return redisAppendCommandArgv(context, Int32(words.count), &pointers, &lengths)
      }
    }
    guard status == REDIS_OK else { throw failure() }
  }

  private func receive() throws -> Answer {
    var answer: UnsafeMutableRawPointer?
    guard redisGetReply(context, &answer) == REDIS_OK, let answer else { throw failure() }
    defer { freeReplyObject(answer) }
    return try Self.read(answer.assumingMemoryBound(to: redisReply.self).pointee)
  }

  private static func read(_ reply: redisReply) throws -> Answer {
    func bytes() -> [UInt8] { Array(UnsafeRawBufferPointer(start: reply.str, count: reply.len)) }
    switch reply.type {
    case REDIS_REPLY_STATUS: return .text(String(decoding: bytes(), as: UTF8.self))
    case REDIS_REPLY_STRING: return .bytes(bytes())
    case REDIS_REPLY_INTEGER: return .number(reply.integer)
    case REDIS_REPLY_ARRAY:
      return .list(
        try (0..<reply.elements).map { index in
          guard let element = reply.element[index] else { throw WorkflowFailure("Redis: an empty answer") }
          return try read(element.pointee)
        })
    case REDIS_REPLY_NIL: return .nothing
    default: throw WorkflowFailure("Redis: \(String(decoding: bytes(), as: UTF8.self))")
    }
  }

  private func failure() -> WorkflowFailure {
    withUnsafeBytes(of: context.pointee.errstr) { text in
      WorkflowFailure("Redis: \(String(decoding: text.prefix { $0 != 0 }, as: UTF8.self))")
    }
  }
}
