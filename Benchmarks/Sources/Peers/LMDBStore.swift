import CLMDB
import Foundation
import Synchronization

/// LMDB: read transactions are renewed, cursors kept.
///
/// It has no cache of its own: it maps the file, and takes what memory the system gives it, so that its rows have *more*
/// memory than the limit when the data is larger than that.
public struct LMDBEngine: StoreEngine {
  public init() {}

  public var name: String { "LMDB" }

  public var version: String {
    var (major, minor, patch) = (Int32(0), Int32(0), Int32(0))
    mdb_version(&major, &minor, &patch)
    return "\(major).\(minor).\(patch)"
  }

  public func configuration(_ settings: StoreSettings) -> String {
    "maps its file: no memory limit applies; MDB_NOTLS; durable: its default; not durable: MDB_NOSYNC; ascending load: MDB_APPEND"
  }

  /// Address space only: the file grows with what is written.
  private static let mapBytes = 64 << 30

  public func open(at path: String, _ settings: StoreSettings) throws -> any BenchmarkStore {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    var environment: OpaquePointer?
    try LMDBStore.check(mdb_env_create(&environment), "mdb_env_create")
    try LMDBStore.check(mdb_env_set_mapsize(environment, Self.mapBytes), "mdb_env_set_mapsize")
    try LMDBStore.check(mdb_env_set_maxreaders(environment, 512), "mdb_env_set_maxreaders")
    try LMDBStore.check(mdb_env_open(environment, path, UInt32(MDB_NOTLS), 0o600), "mdb_env_open")
    guard let environment else { throw StoreFailure("mdb_env_create has returned nothing") }
    return try LMDBStore(environment)
  }
}

final class LMDBStore: BenchmarkStore, @unchecked Sendable {
  // An environment may be used from any thread; which flags it has is changed under its lock only.
  fileprivate let environment: OpaquePointer
  fileprivate let database: MDB_dbi
  private let isDurable = Mutex(true)

  init(_ environment: OpaquePointer) throws {
    self.environment = environment
    var transaction: OpaquePointer?
    var database: MDB_dbi = 0
    try Self.check(mdb_txn_begin(environment, nil, 0, &transaction), "mdb_txn_begin")
    try Self.check(mdb_dbi_open(transaction, nil, 0, &database), "mdb_dbi_open")
    try Self.check(mdb_txn_commit(transaction), "mdb_txn_commit")
    self.database = database
  }

  static func check(_ status: Int32, _ what: String) throws {
    guard status == MDB_SUCCESS else {
      throw StoreFailure("\(what): \(String(cString: mdb_strerror(status)))")
    }
  }

  func makeSession() throws -> any StoreSession { try LMDBSession(self) }

  fileprivate func setDurable(_ wanted: Bool) throws {
    try isDurable.withLock { isDurable in
      guard isDurable != wanted else { return }
      try Self.check(
        mdb_env_set_flags(environment, UInt32(MDB_NOSYNC), wanted ? 0 : 1), "mdb_env_set_flags")
      isDurable = wanted
    }
  }

  func synchronize() throws { try Self.check(mdb_env_sync(environment, 1), "mdb_env_sync") }

  /// LMDB defers nothing.
  func settle() throws { try synchronize() }

  func close() { mdb_env_close(environment) }
}

private final class LMDBSession: StoreSession {
  private let owner: LMDBStore
  private let database: MDB_dbi
  private let reading: OpaquePointer
  private let cursor: OpaquePointer

  init(_ owner: LMDBStore) throws {
    self.owner = owner
    database = owner.database
    var transaction: OpaquePointer?
    var cursor: OpaquePointer?
    try LMDBStore.check(
      mdb_txn_begin(owner.environment, nil, UInt32(MDB_RDONLY), &transaction), "mdb_txn_begin")
    try LMDBStore.check(mdb_cursor_open(transaction, owner.database, &cursor), "mdb_cursor_open")
    guard let transaction, let cursor else { throw StoreFailure("LMDB has returned nothing") }
    reading = transaction
    self.cursor = cursor
    mdb_txn_reset(transaction)
  }

  deinit {
    mdb_cursor_close(cursor)
    mdb_txn_abort(reading)
  }

  private func withRead<Result>(_ body: () throws -> Result) throws -> Result {
    try LMDBStore.check(mdb_txn_renew(reading), "mdb_txn_renew")
    defer { mdb_txn_reset(reading) }
    return try body()
  }

  private func withWrite(_ body: (OpaquePointer?) throws -> Void) throws {
    var transaction: OpaquePointer?
    try LMDBStore.check(mdb_txn_begin(owner.environment, nil, 0, &transaction), "mdb_txn_begin")
    do {
      try body(transaction)
    } catch {
      mdb_txn_abort(transaction)
      throw error
    }
    try LMDBStore.check(mdb_txn_commit(transaction), "mdb_txn_commit")
  }

  /// LMDB does not write through what it is handed, although its interface says that it might.
  @inline(__always)
  private func value(_ bytes: UnsafeRawBufferPointer) -> MDB_val {
    MDB_val(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
  }

  @inline(__always)
  private func bytes(_ value: MDB_val) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
  }

  func commit(_ writes: WriteSet, durable: Bool) throws {
    try owner.setDurable(durable)
    let flags = writes.appends ? UInt32(MDB_APPEND) : 0
    try withWrite { transaction in
      for index in 0..<writes.count {
        let status = writes.keys[index].withUnsafeBytes { keyBytes in
          writes.values[index].withUnsafeBytes { valueBytes in
            var (key, value) = (value(keyBytes), value(valueBytes))
            return mdb_put(transaction, database, &key, &value, flags)
          }
        }
        try LMDBStore.check(status, "mdb_put")
      }
    }
  }

  func lend(_ key: [UInt8], to body: (UnsafeRawBufferPointer?) -> Void) throws {
    try withRead {
      var found = MDB_val()
      let status = key.withUnsafeBytes { keyBytes in
        var key = value(keyBytes)
        return mdb_get(reading, database, &key, &found)
      }
      if status == MDB_NOTFOUND { return body(nil) }
      try LMDBStore.check(status, "mdb_get")
      body(bytes(found))
    }
  }

  func scan(
    from lower: [UInt8], limit: Int, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
  ) throws {
    try withRead {
      try LMDBStore.check(mdb_cursor_renew(reading, cursor), "mdb_cursor_renew")
      var (key, found) = (MDB_val(), MDB_val())
      var status = lower.withUnsafeBytes { lower in
        key = value(lower)
        return mdb_cursor_get(cursor, &key, &found, MDB_SET_RANGE)
      }
      var count = 0
      while status == MDB_SUCCESS && count < limit {
        body(bytes(key), bytes(found))
        count += 1
        if count < limit { status = mdb_cursor_get(cursor, &key, &found, MDB_NEXT) }
      }
      if status != MDB_NOTFOUND { try LMDBStore.check(status, "mdb_cursor_get") }
    }
  }

  func newest(ofPrefix prefix: [UInt8], to body: (UnsafeRawBufferPointer?) -> Void) throws {
    try withRead {
      try LMDBStore.check(mdb_cursor_renew(reading, cursor), "mdb_cursor_renew")
      var (key, found) = (MDB_val(), MDB_val())
      var status = MDB_NOTFOUND
      if let above = successor(ofPrefix: prefix) {
        status = above.withUnsafeBytes { above in
          key = value(above)
          return mdb_cursor_get(cursor, &key, &found, MDB_SET_RANGE)
        }
      }
      let direction = status == MDB_NOTFOUND ? MDB_LAST : MDB_PREV
      status = mdb_cursor_get(cursor, &key, &found, direction)
      if status == MDB_SUCCESS, bytes(key).starts(with: prefix) { return body(bytes(found)) }
      if status != MDB_NOTFOUND { try LMDBStore.check(status, "mdb_cursor_get") }
      body(nil)
    }
  }

  func removeAll(from lower: [UInt8], to upper: [UInt8]) throws {
    try owner.setDurable(true)
    try withWrite { transaction in
      var cursor: OpaquePointer?
      try LMDBStore.check(mdb_cursor_open(transaction, database, &cursor), "mdb_cursor_open")
      defer { mdb_cursor_close(cursor) }
      var (key, found) = (MDB_val(), MDB_val())
      var status = lower.withUnsafeBytes { lower in
        key = value(lower)
        return mdb_cursor_get(cursor, &key, &found, MDB_SET_RANGE)
      }
      while status == MDB_SUCCESS {
        let isBelow = upper.withUnsafeBytes { bytes(key).lexicographicallyPrecedes($0) }
        guard isBelow else { return }
        try LMDBStore.check(mdb_cursor_del(cursor, 0), "mdb_cursor_del")
        // The cursor stands on the entry after the removed one, and MDB_NEXT knows that.
        status = mdb_cursor_get(cursor, &key, &found, MDB_NEXT)
      }
      if status != MDB_NOTFOUND { try LMDBStore.check(status, "mdb_cursor_get") }
    }
  }
}
