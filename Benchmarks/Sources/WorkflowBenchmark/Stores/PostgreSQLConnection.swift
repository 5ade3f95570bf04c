import CPostgreSQL

/// A connection to PostgreSQL, for one caller at a time. Statements are prepared once; values go as they are.
final class PostgreSQLConnection {
  /// A value for a placeholder.
  enum Value {
    case text(String)
    case bytes([UInt8])
  }

  /// The rows of an answer: bytes, or `nil` for a null.
  typealias Rows = [[[UInt8]?]]

  private let connection: OpaquePointer
  private var prepared: [String: String] = [:]

  /// - Parameter socket: The folder of the server's socket.
  init(socket: String, user: String) throws {
    guard let connection = PQconnectdb("host=\(socket) user=\(user) dbname=postgres") else {
      throw WorkflowFailure("PostgreSQL: no memory to connect")
    }
    self.connection = connection
    // From here on the deinitialiser lets go of it, when this throws as well.
    guard PQstatus(connection) == CONNECTION_OK else { throw failure() }
  }

  deinit { PQfinish(connection) }

  /// Runs statements that return nothing, separated by semicolons.
  func run(_ sql: String) throws {
    _ = try rows(PQexec(connection, sql))
  }

  /// Runs a prepared statement. One alone is a transaction, and one round trip.
  @discardableResult
  func query(_ sql: String, _ values: Value...) throws -> Rows {
    let name = try name(of: sql, valueCount: values.count)
    var bytes: [UInt8] = []
    var lengths: [Int32] = []
    var formats: [Int32] = []
    for value in values {
      switch value {
      case .text(let text):
        // Text ends with a zero; its length is not looked at.
        bytes += Array(text.utf8) + [0]
        lengths.append(Int32(text.utf8.count + 1))
        formats.append(0)
      case .bytes(let blob):
        bytes += blob
        lengths.append(Int32(blob.count))
        formats.append(1)
      }
    }
    let result = bytes.withUnsafeBytes { buffer in
      var pointers: [UnsafePointer<CChar>?] = []
      var offset = 0
      for length in lengths {
        pointers.append(buffer.baseAddress.map { ($0 + offset).assumingMemoryBound(to: CChar.self) })
        offset += Int(length)
      }
      return PQexecPrepared(connection, name, Int32(values.count), pointers, lengths, formats, 1)
    }
    return try rows(result)
  }

  private func name(of sql: String, valueCount: Int) throws -> String {
    if let name = prepared[sql] { return name }
    let name = "s\(prepared.count)"
    _ = try rows(PQprepare(connection, name, sql, Int32(valueCount), nil))
    prepared[sql] = name
    return name
  }

  private func rows(_ result: OpaquePointer?) throws -> Rows {
    defer { PQclear(result) }
    switch PQresultStatus(result) {
    case PGRES_COMMAND_OK: return []
    case PGRES_TUPLES_OK:
      let columns = PQnfields(result)
      return (0..<PQntuples(result)).map { row in
        (0..<columns).map { column in
          guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else {
            return nil
          }
          return Array(UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(result, row, column))))
        }
      }
    default: throw failure()
    }
  }

  private func failure() -> WorkflowFailure {
    WorkflowFailure("PostgreSQL: \(PQerrorMessage(connection).map { String(cString: $0) } ?? "")")
  }
}
