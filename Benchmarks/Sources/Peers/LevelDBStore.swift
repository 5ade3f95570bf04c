import CLevelDB
import Foundation
import Synchronization

/// LevelDB, through its C interface. A get there always copies; iterators are used again until something is written.
public struct LevelDBEngine: StoreEngine {
  public init() {}

  public var name: String { "LevelDB" }
  public var version: String { LibraryFile.version(of: "libleveldb") }

  public func configuration(_ settings: StoreSettings) -> String {
    "2 write buffers of \(settings.writeBufferBytes >> 20) MiB, block cache \(cacheBytes(settings) >> 20) MiB, bloom 10 bits; "
      + "Snappy and all else as it comes; durable: WriteOptions.sync"
      + LibraryFile.remark(on: "libleveldb")
  }

  private func cacheBytes(_ settings: StoreSettings) -> Int {
    settings.memoryBytes - 2 * settings.writeBufferBytes
  }

  public func open(at path: String, _ settings: StoreSettings) throws -> any BenchmarkStore {
    let options = leveldb_options_create()
    defer { leveldb_options_destroy(options) }
    let cache = leveldb_cache_create_lru(cacheBytes(settings))
    let filter = leveldb_filterpolicy_create_bloom(10)
    leveldb_options_set_create_if_missing(options, 1)
    leveldb_options_set_write_buffer_size(options, settings.writeBufferBytes)
    leveldb_options_set_cache(options, cache)
    leveldb_options_set_filter_policy(options, filter)
    var message: UnsafeMutablePointer<CChar>?
    let opened = leveldb_open(options, path, &message)
    try StoreFailure.check(message, "leveldb_open")
    guard let opened else { throw StoreFailure("leveldb_open has returned nothing") }
    return LevelDBStore(opened, cache, filter)
  }
}

final class LevelDBStore: BenchmarkStore, @unchecked Sendable {
  // LevelDB itself may be used from any thread; what else is here is only given back at the end.
  fileprivate let store: OpaquePointer
  private let cache: OpaquePointer?
  private let filter: OpaquePointer?
  /// So that a session knows whether its iterator is out of date.
  fileprivate let commits = Atomic<Int>(0)

  init(_ store: OpaquePointer, _ cache: OpaquePointer?, _ filter: OpaquePointer?) {
    self.store = store
    self.cache = cache
    self.filter = filter
  }

  func makeSession() -> any StoreSession { LevelDBSession(self) }

  /// A synced write of nothing: all records before it in the log are durable with it.
  func synchronize() throws {
    let batch = leveldb_writebatch_create()
    let options = leveldb_writeoptions_create()
    leveldb_writeoptions_set_sync(options, 1)
    defer {
      leveldb_writebatch_destroy(batch)
      leveldb_writeoptions_destroy(options)
    }
    var message: UnsafeMutablePointer<CChar>?
    leveldb_write(store, options, batch, &message)
    try StoreFailure.check(message, "leveldb_write")
  }

  /// LevelDB has no call to flush or to wait. Compacting a range that holds nothing flushes; whether a level still has
  /// to be compacted follows from its statistics and the rules in its documentation (four files in level 0, ten to
  /// the power of *n* megabytes in level *n*).
  func settle() throws {
    try synchronize()
    let beyond = [UInt8](repeating: 0xFF, count: 64)
    beyond.withCharacters { leveldb_compact_range(store, $0, $1, $0, $1) }
    while hasCompactionsToDo { usleep(1000) }
  }

  private var hasCompactionsToDo: Bool {
    guard let text = leveldb_property_value(store, "leveldb.stats") else { return false }
    defer { leveldb_free(text) }
    for line in String(cString: text).split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count >= 3, let level = Int(fields[0]), let files = Int(fields[1]),
        let megabytes = Double(fields[2])
      else { continue }
      // Megabytes come rounded.
      if level == 0 ? files >= 4 : level < 6 && megabytes - 1 > pow(10, Double(level)) { return true }
    }
    return false
  }

  func close() {
    leveldb_close(store)
    leveldb_cache_destroy(cache)
    leveldb_filterpolicy_destroy(filter)
  }
}

private final class LevelDBSession: StoreSession {
  private let owner: LevelDBStore
  private let store: OpaquePointer
  private let batch = leveldb_writebatch_create()
  private let buffered = leveldb_writeoptions_create()
  private let durable = leveldb_writeoptions_create()
  private let readOptions = leveldb_readoptions_create()
  private var iterator: OpaquePointer?
  private var iteratorCommits = 0

  init(_ owner: LevelDBStore) {
    self.owner = owner
    store = owner.store
    leveldb_writeoptions_set_sync(durable, 1)
  }

  deinit {
    if let iterator { leveldb_iter_destroy(iterator) }
    leveldb_writebatch_destroy(batch)
    leveldb_writeoptions_destroy(buffered)
    leveldb_writeoptions_destroy(durable)
    leveldb_readoptions_destroy(readOptions)
  }

  func commit(_ writes: WriteSet, durable isDurable: Bool) throws {
    leveldb_writebatch_clear(batch)
    for index in 0..<writes.count {
      writes.keys[index].withCharacters { key, keyCount in
        writes.values[index].withCharacters { value, valueCount in
          leveldb_writebatch_put(batch, key, keyCount, value, valueCount)
        }
      }
    }
    try write(isDurable ? durable : buffered)
  }

  private func write(_ options: OpaquePointer?) throws {
    var message: UnsafeMutablePointer<CChar>?
    leveldb_write(store, options, batch, &message)
    try StoreFailure.check(message, "leveldb_write")
    owner.commits.add(1, ordering: .relaxed)
  }

  func lend(_ key: [UInt8], to body: (UnsafeRawBufferPointer?) -> Void) throws {
    var message: UnsafeMutablePointer<CChar>?
    var count = 0
    let found = key.withCharacters { leveldb_get(store, readOptions, $0, $1, &count, &message) }
    try StoreFailure.check(message, "leveldb_get")
    guard let found else { return body(nil) }
    body(UnsafeRawBufferPointer(start: found, count: count))
    leveldb_free(found)
  }

  private func freshIterator() throws -> OpaquePointer {
    let commits = owner.commits.load(ordering: .relaxed)
    if let iterator, commits == iteratorCommits { return iterator }
    if let iterator { leveldb_iter_destroy(iterator) }
    iterator = leveldb_create_iterator(store, readOptions)
    iteratorCommits = commits
    guard let iterator else { throw StoreFailure("leveldb_create_iterator") }
    return iterator
  }

  private func bytes(
    _ part: (OpaquePointer?, UnsafeMutablePointer<Int>?) -> UnsafePointer<CChar>?, _ iterator: OpaquePointer
  ) -> UnsafeRawBufferPointer {
    var count = 0
    let start = part(iterator, &count)
    return UnsafeRawBufferPointer(start: start, count: count)
  }

  func scan(
    from lower: [UInt8], limit: Int, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
  ) throws {
    let iterator = try freshIterator()
    lower.withCharacters { leveldb_iter_seek(iterator, $0, $1) }
    var count = 0
    while count < limit && leveldb_iter_valid(iterator) != 0 {
      body(bytes(leveldb_iter_key, iterator), bytes(leveldb_iter_value, iterator))
      count += 1
      if count < limit { leveldb_iter_next(iterator) }
    }
    var message: UnsafeMutablePointer<CChar>?
    leveldb_iter_get_error(iterator, &message)
    try StoreFailure.check(message, "leveldb_iter")
  }

  func newest(ofPrefix prefix: [UInt8], to body: (UnsafeRawBufferPointer?) -> Void) throws {
    let iterator = try freshIterator()
    if let above = successor(ofPrefix: prefix) {
      above.withCharacters { leveldb_iter_seek(iterator, $0, $1) }
      if leveldb_iter_valid(iterator) != 0 {
        leveldb_iter_prev(iterator)
      } else {
        leveldb_iter_seek_to_last(iterator)
      }
    } else {
      leveldb_iter_seek_to_last(iterator)
    }
    if leveldb_iter_valid(iterator) != 0, bytes(leveldb_iter_key, iterator).starts(with: prefix) {
      body(bytes(leveldb_iter_value, iterator))
    } else {
      body(nil)
    }
  }

  /// LevelDB knows single keys only. The compaction afterwards is what gives space back.
  func removeAll(from lower: [UInt8], to upper: [UInt8]) throws {
    let iterator = try freshIterator()
    lower.withCharacters { leveldb_iter_seek(iterator, $0, $1) }
    leveldb_writebatch_clear(batch)
    var count = 0
    while leveldb_iter_valid(iterator) != 0 {
      let key = bytes(leveldb_iter_key, iterator)
      let isBelow = upper.withUnsafeBytes { upper in
        key.lexicographicallyPrecedes(upper)
      }
      guard isBelow else { break }
      leveldb_writebatch_delete(batch, key.baseAddress?.assumingMemoryBound(to: CChar.self), key.count)
      count += 1
      if count % 1000 == 0 {
        try write(buffered)
        leveldb_writebatch_clear(batch)
      }
      leveldb_iter_next(iterator)
    }
    try write(durable)
  }
}
