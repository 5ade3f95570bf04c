import CWiredTiger
import Foundation

/// WiredTiger: one session and one cursor for each thread.
public struct WiredTigerEngine: StoreEngine {
  public init() {}

  public var name: String { "WiredTiger" }

  public var version: String {
    var (major, minor, patch) = (Int32(0), Int32(0), Int32(0))
    _ = wiredtiger_version(&major, &minor, &patch)
    return "\(major).\(minor).\(patch)"
  }

  public func configuration(_ settings: StoreSettings) -> String {
    "\(options(settings)); table: as it comes, not compressed; checkpoint when settled; durable: transaction_sync; not durable: sync=off"
  }

  private func options(_ settings: StoreSettings) -> String {
    // A log file is as large as Cairn's: with 100 MB, the default, each opening reserves gigabytes.
    "create,cache_size=\(settings.memoryBytes >> 20)MB,session_max=512,"
      + "log=(enabled=true,file_max=\(max(1, settings.writeBufferBytes >> 20))MB),"
      + "transaction_sync=(enabled=true,method=fsync)"
  }

  public func open(at path: String, _ settings: StoreSettings) throws -> any BenchmarkStore {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    var connection: UnsafeMutablePointer<WT_CONNECTION>?
    try WiredTigerStore.check(wiredtiger_open(path, nil, options(settings), &connection), "wiredtiger_open")
    guard let connection else { throw StoreFailure("wiredtiger_open has returned nothing") }
    let store = WiredTigerStore(connection)
    try store.withSession { session in
      session.pointee.create(session, WiredTigerStore.table, "key_format=u,value_format=u")
    }
    return store
  }
}

final class WiredTigerStore: BenchmarkStore, @unchecked Sendable {
  // A connection may be used from any thread.
  fileprivate let connection: UnsafeMutablePointer<WT_CONNECTION>
  static let table = "table:t"

  init(_ connection: UnsafeMutablePointer<WT_CONNECTION>) { self.connection = connection }

  static func check(_ status: Int32, _ what: String) throws {
    guard status == 0 else { throw StoreFailure("\(what): \(String(cString: wiredtiger_strerror(status)))") }
  }

  fileprivate func openSession() throws -> UnsafeMutablePointer<WT_SESSION> {
    var session: UnsafeMutablePointer<WT_SESSION>?
    try Self.check(connection.pointee.open_session(connection, nil, nil, &session), "open_session")
    guard let session else { throw StoreFailure("open_session has returned nothing") }
    return session
  }

  func withSession(_ body: (UnsafeMutablePointer<WT_SESSION>) -> Int32) throws {
    let session = try openSession()
    let status = body(session)
    try Self.check(session.pointee.close(session, nil), "WT_SESSION.close")
    try Self.check(status, "WT_SESSION")
  }

  func makeSession() throws -> any StoreSession { try WiredTigerSession(self) }

  func synchronize() throws { try withSession { $0.pointee.log_flush($0, "sync=on") } }

  func settle() throws {
    try synchronize()
    try withSession { $0.pointee.checkpoint($0, nil) }
  }

  func close() throws { try Self.check(connection.pointee.close(connection, nil), "WT_CONNECTION.close") }
}

private final class WiredTigerSession: StoreSession {
  private let session: UnsafeMutablePointer<WT_SESSION>
  private let cursor: UnsafeMutablePointer<WT_CURSOR>

  init(_ owner: WiredTigerStore) throws {
    session = try owner.openSession()
    cursor = try Self.openCursor(session)
  }

  private static func openCursor(
    _ session: UnsafeMutablePointer<WT_SESSION>
  ) throws -> UnsafeMutablePointer<WT_CURSOR> {
    var cursor: UnsafeMutablePointer<WT_CURSOR>?
    try WiredTigerStore.check(
      session.pointee.open_cursor(session, WiredTigerStore.table, nil, "overwrite=true", &cursor),
      "open_cursor")
    guard let cursor else { throw StoreFailure("open_cursor has returned nothing") }
    return cursor
  }

  deinit { _ = session.pointee.close(session, nil) }

  func commit(_ writes: WriteSet, durable: Bool) throws {
    while true {
      try WiredTigerStore.check(session.pointee.begin_transaction(session, nil), "begin_transaction")
      var status: Int32 = 0
      for index in 0..<writes.count where status == 0 {
        status = writes.keys[index].withUnsafeBytes { key in
          writes.values[index].withUnsafeBytes { value in
            benchmark_wt_set_key(cursor, key.baseAddress, key.count)
            benchmark_wt_set_value(cursor, value.baseAddress, value.count)
            return cursor.pointee.insert(cursor)
          }
        }
      }
      if status == 0 {
        status = session.pointee.commit_transaction(session, durable ? nil : "sync=off")
        return try WiredTigerStore.check(status, "commit_transaction")
      }
      _ = session.pointee.rollback_transaction(session, nil)
      // Another thread was first to write the same key.
      if status != WT_ROLLBACK { try WiredTigerStore.check(status, "WT_CURSOR.insert") }
    }
  }

  private func setKey(_ key: [UInt8], _ move: () -> Int32) -> Int32 {
    key.withUnsafeBytes { key in
      benchmark_wt_set_key(cursor, key.baseAddress, key.count)
      return move()
    }
  }

  private func currentValue() throws -> UnsafeRawBufferPointer {
    var item = WT_ITEM()
    try WiredTigerStore.check(benchmark_wt_get_value(cursor, &item), "WT_CURSOR.get_value")
    return UnsafeRawBufferPointer(start: item.data, count: item.size)
  }

  private func currentKey() throws -> UnsafeRawBufferPointer {
    var item = WT_ITEM()
    try WiredTigerStore.check(benchmark_wt_get_key(cursor, &item), "WT_CURSOR.get_key")
    return UnsafeRawBufferPointer(start: item.data, count: item.size)
  }

  func lend(_ key: [UInt8], to body: (UnsafeRawBufferPointer?) -> Void) throws {
    let status = setKey(key) { cursor.pointee.search(cursor) }
    defer { _ = cursor.pointee.reset(cursor) }
    if status == WT_NOTFOUND { return body(nil) }
    try WiredTigerStore.check(status, "WT_CURSOR.search")
    body(try currentValue())
  }

  func scan(
    from lower: [UInt8], limit: Int, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
  ) throws {
    var side: Int32 = 0
    var status = setKey(lower) { cursor.pointee.search_near(cursor, &side) }
    defer { _ = cursor.pointee.reset(cursor) }
    if status == 0 && side < 0 { status = cursor.pointee.next(cursor) }
    var count = 0
    while status == 0 && count < limit {
      body(try currentKey(), try currentValue())
      count += 1
      if count < limit { status = cursor.pointee.next(cursor) }
    }
    if status != WT_NOTFOUND { try WiredTigerStore.check(status, "WT_CURSOR.next") }
  }

  func newest(ofPrefix prefix: [UInt8], to body: (UnsafeRawBufferPointer?) -> Void) throws {
    var side: Int32 = 0
    let last = prefix + [UInt8](repeating: 0xFF, count: 9)
    var status = setKey(last) { cursor.pointee.search_near(cursor, &side) }
    defer { _ = cursor.pointee.reset(cursor) }
    if status == 0 && side > 0 { status = cursor.pointee.prev(cursor) }
    if status == 0, try currentKey().starts(with: prefix) { return body(try currentValue()) }
    if status != WT_NOTFOUND { try WiredTigerStore.check(status, "WT_CURSOR.prev") }
    body(nil)
  }

  func removeAll(from lower: [UInt8], to upper: [UInt8]) throws {
    let end = try Self.openCursor(session)
    defer { _ = end.pointee.close(end) }
    try WiredTigerStore.check(session.pointee.begin_transaction(session, nil), "begin_transaction")
    // A truncation removes both of its bounds, too, and they need not exist; the upper one is the key just below.
    var below = upper
    while let byte = below.popLast() {
      guard byte > 0 else { continue }
      below += [byte - 1] + [UInt8](repeating: 0xFF, count: 32)
      break
    }
    let status = setKey(lower) {
      below.withUnsafeBytes { below in
        benchmark_wt_set_key(end, below.baseAddress, below.count)
        return session.pointee.truncate(session, nil, cursor, end, nil)
      }
    }
    _ = cursor.pointee.reset(cursor)
    guard status == 0 || status == WT_NOTFOUND else {
      _ = session.pointee.rollback_transaction(session, nil)
      return try WiredTigerStore.check(status, "WT_SESSION.truncate")
    }
    try WiredTigerStore.check(session.pointee.commit_transaction(session, nil), "commit_transaction")
  }
}
