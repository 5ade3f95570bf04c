import CRocksDB
import Foundation
import Synchronization

/// RocksDB, through its C interface: gets are pinned, iterators are used again until something is written.
public struct RocksDBEngine: StoreEngine {
  /// Which of the settings that its users would choose.
  public enum Tuning: Sendable {
    /// As it comes, with the memory that it is given.
    case defaults
    /// What its wiki recommends ("Setup Options and Basic Tuning"): Bloom filter, levels sized from the bottom, 16 KiB
    /// blocks with a hash index, LZ4 and zstd at the bottom; and blob files where values are large.
    case recommended
    /// Recommended, and logs recycled. Version 7 does that only with the recovery mode that skips damaged records,
    /// wherever they are: a store that has lost the middle of its log opens without a word.
    case recycledLogs
  }

  let tuning: Tuning

  public init(_ tuning: Tuning) { self.tuning = tuning }

  public var name: String {
    switch tuning {
    case .defaults: "RocksDB"
    case .recommended: "RocksDB tuned"
    case .recycledLogs: "RocksDB recycled logs"
    }
  }

  public var version: String { LibraryFile.version(of: "librocksdb") }

  public func configuration(_ settings: StoreSettings) -> String {
    let memory =
      "\(writeBufferCount) write buffers of \(settings.writeBufferBytes >> 20) MiB, block cache \(cacheBytes(settings) >> 20) MiB"
    let durable = "durable: WriteOptions.sync" + LibraryFile.remark(on: "librocksdb")
    let recommended =
      "bloom 10 bits, dynamic level bytes, 16 KiB blocks with hash index, format 5, index and filters outside of the cache, bytes_per_sync 1 MiB, 6 jobs, LZ4, zstd "
      + "at the bottom\(settings.hasLargeValues ? ", blob files from 2 KiB on" : "")"
    return switch tuning {
    case .defaults: "\(memory); Snappy and all else as it comes; \(durable)"
    case .recommended: "\(memory); \(recommended); \(durable)"
    case .recycledLogs:
      "\(memory); \(recommended); 4 logs recycled, hence kSkipAnyCorruptedRecords; \(durable)"
    }
  }

  private var writeBufferCount: Int { tuning == .defaults ? 2 : 3 }

  private func cacheBytes(_ settings: StoreSettings) -> Int {
    settings.memoryBytes - writeBufferCount * settings.writeBufferBytes
  }

  public func open(at path: String, _ settings: StoreSettings) throws -> any BenchmarkStore {
    guard let options = rocksdb_options_create(), let table = rocksdb_block_based_options_create() else {
      throw StoreFailure("RocksDB has no memory")
    }
    rocksdb_options_set_create_if_missing(options, 1)
    rocksdb_options_set_write_buffer_size(options, settings.writeBufferBytes)
    rocksdb_options_set_max_write_buffer_number(options, Int32(writeBufferCount))
    let cache = rocksdb_cache_create_lru(cacheBytes(settings))
    defer { rocksdb_cache_destroy(cache) }
    rocksdb_block_based_options_set_block_cache(table, cache)
    if tuning != .defaults { recommend(options, table, settings) }
    if tuning == .recycledLogs {
      rocksdb_options_set_recycle_log_file_num(options, 4)
      rocksdb_options_set_wal_recovery_mode(options, 3)
    }
    rocksdb_options_set_block_based_table_factory(options, table)
    defer { rocksdb_block_based_options_destroy(table) }
    var message: UnsafeMutablePointer<CChar>?
    let opened = rocksdb_open(options, path, &message)
    do {
      try StoreFailure.check(message, "rocksdb_open")
    } catch {
      rocksdb_options_destroy(options)
      throw error
    }
    guard let opened else { throw StoreFailure("rocksdb_open has returned nothing") }
    return RocksDBStore(opened, options)
  }

  private func recommend(_ options: OpaquePointer, _ table: OpaquePointer, _ settings: StoreSettings) {
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1)
    rocksdb_options_set_max_background_jobs(options, 6)
    rocksdb_options_set_bytes_per_sync(options, 1 << 20)
    rocksdb_options_set_compression(options, Int32(rocksdb_lz4_compression))
    rocksdb_options_set_bottommost_compression(options, Int32(rocksdb_zstd_compression))
    rocksdb_block_based_options_set_block_size(table, 16 << 10)
    rocksdb_block_based_options_set_format_version(table, 5)
    // The wiki would also have index and filters in the cache. With little memory and shards smaller than a filter that
    // costs a read of the filter for each get, so they stay outside, on top of what the engine is given.
    rocksdb_block_based_options_set_data_block_index_type(
      table, Int32(rocksdb_block_based_table_data_block_index_type_binary_search_and_hash))
    rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10))
    if settings.hasLargeValues {
      rocksdb_options_set_enable_blob_files(options, 1)
      rocksdb_options_set_min_blob_size(options, 2 << 10)
      rocksdb_options_set_enable_blob_gc(options, 1)
    }
    if let prefixBytes = settings.prefixBytes {
      rocksdb_options_set_prefix_extractor(options, rocksdb_slicetransform_create_fixed_prefix(prefixBytes))
      rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, 0.1)
    }
  }
}

final class RocksDBStore: BenchmarkStore, @unchecked Sendable {
  // RocksDB itself may be used from any thread; the options are only read.
  fileprivate let store: OpaquePointer
  private let options: OpaquePointer
  /// So that a session knows whether its iterator is out of date.
  fileprivate let commits = Atomic<Int>(0)

  init(_ store: OpaquePointer, _ options: OpaquePointer) {
    self.store = store
    self.options = options
  }

  func makeSession() -> any StoreSession { RocksDBSession(self) }

  func synchronize() throws {
    var message: UnsafeMutablePointer<CChar>?
    rocksdb_flush_wal(store, 1, &message)
    try StoreFailure.check(message, "rocksdb_flush_wal")
  }

  /// A flush, and then whatever compactions its own rules ask for; not a compaction of everything.
  func settle() throws {
    try synchronize()
    let flush = rocksdb_flushoptions_create()
    defer { rocksdb_flushoptions_destroy(flush) }
    rocksdb_flushoptions_set_wait(flush, 1)
    var message: UnsafeMutablePointer<CChar>?
    rocksdb_flush(store, flush, &message)
    try StoreFailure.check(message, "rocksdb_flush")
    let work = [
      "rocksdb.num-running-flushes", "rocksdb.mem-table-flush-pending", "rocksdb.num-running-compactions",
      "rocksdb.compaction-pending",
    ]
    while work.contains(where: { property($0) > 0 }) { usleep(1000) }
  }

  private func property(_ name: String) -> UInt64 {
    var value: UInt64 = 0
    return rocksdb_property_int(store, name, &value) == 0 ? value : 0
  }

  func close() {
    rocksdb_close(store)
    rocksdb_options_destroy(options)
  }
}

private final class RocksDBSession: StoreSession {
  private let owner: RocksDBStore
  private let store: OpaquePointer
  private let batch = rocksdb_writebatch_create()
  private let buffered = rocksdb_writeoptions_create()
  private let durable = rocksdb_writeoptions_create()
  private let readOptions = rocksdb_readoptions_create()
  private var iterator: OpaquePointer?
  private var iteratorCommits = 0

  init(_ owner: RocksDBStore) {
    self.owner = owner
    store = owner.store
    rocksdb_writeoptions_set_sync(durable, 1)
    rocksdb_readoptions_set_total_order_seek(readOptions, 1)
  }

  deinit {
    if let iterator { rocksdb_iter_destroy(iterator) }
    rocksdb_writebatch_destroy(batch)
    rocksdb_writeoptions_destroy(buffered)
    rocksdb_writeoptions_destroy(durable)
    rocksdb_readoptions_destroy(readOptions)
  }

  func commit(_ writes: WriteSet, durable isDurable: Bool) throws {
    let options = isDurable ? durable : buffered
    var message: UnsafeMutablePointer<CChar>?
    defer { owner.commits.add(1, ordering: .relaxed) }
    if writes.count == 1 {
      writes.keys[0].withCharacters { key, keyCount in
        writes.values[0].withCharacters { value, valueCount in
          rocksdb_put(store, options, key, keyCount, value, valueCount, &message)
        }
      }
      return try StoreFailure.check(message, "rocksdb_put")
    }
    rocksdb_writebatch_clear(batch)
    for index in 0..<writes.count {
      writes.keys[index].withCharacters { key, keyCount in
        writes.values[index].withCharacters { value, valueCount in
          rocksdb_writebatch_put(batch, key, keyCount, value, valueCount)
        }
      }
    }
    rocksdb_write(store, options, batch, &message)
    try StoreFailure.check(message, "rocksdb_write")
  }

  func lend(_ key: [UInt8], to body: (UnsafeRawBufferPointer?) -> Void) throws {
    var message: UnsafeMutablePointer<CChar>?
    let found = key.withCharacters { rocksdb_get_pinned(store, readOptions, $0, $1, &message) }
    try StoreFailure.check(message, "rocksdb_get_pinned")
    guard let found else { return body(nil) }
    var count = 0
    let value = rocksdb_pinnableslice_value(found, &count)
    body(UnsafeRawBufferPointer(start: value, count: count))
    rocksdb_pinnableslice_destroy(found)
  }

  private func freshIterator() throws -> OpaquePointer {
    let commits = owner.commits.load(ordering: .relaxed)
    if let iterator, commits == iteratorCommits { return iterator }
    if let iterator { rocksdb_iter_destroy(iterator) }
    iterator = rocksdb_create_iterator(store, readOptions)
    iteratorCommits = commits
    guard let iterator else { throw StoreFailure("rocksdb_create_iterator") }
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
    lower.withCharacters { rocksdb_iter_seek(iterator, $0, $1) }
    var count = 0
    while count < limit && rocksdb_iter_valid(iterator) != 0 {
      body(bytes(rocksdb_iter_key, iterator), bytes(rocksdb_iter_value, iterator))
      count += 1
      if count < limit { rocksdb_iter_next(iterator) }
    }
    try check(iterator)
  }

  func newest(ofPrefix prefix: [UInt8], to body: (UnsafeRawBufferPointer?) -> Void) throws {
    let iterator = try freshIterator()
    let last = prefix + [UInt8](repeating: 0xFF, count: 9)
    last.withCharacters { rocksdb_iter_seek_for_prev(iterator, $0, $1) }
    if rocksdb_iter_valid(iterator) != 0, bytes(rocksdb_iter_key, iterator).starts(with: prefix) {
      body(bytes(rocksdb_iter_value, iterator))
    } else {
      try check(iterator)
      body(nil)
    }
  }

  private func check(_ iterator: OpaquePointer) throws {
    var message: UnsafeMutablePointer<CChar>?
    rocksdb_iter_get_error(iterator, &message)
    try StoreFailure.check(message, "rocksdb_iter")
  }

  /// As its documentation recommends: whole files first, a range removal for the rest.
  func removeAll(from lower: [UInt8], to upper: [UInt8]) throws {
    if let iterator { rocksdb_iter_destroy(iterator) }
    iterator = nil
    var message: UnsafeMutablePointer<CChar>?
    lower.withCharacters { lower, lowerCount in
      upper.withCharacters { upper, upperCount in
        rocksdb_delete_file_in_range(store, lower, lowerCount, upper, upperCount, &message)
        rocksdb_writebatch_clear(batch)
        rocksdb_writebatch_delete_range(batch, lower, lowerCount, upper, upperCount)
      }
    }
    try StoreFailure.check(message, "rocksdb_delete_file_in_range")
    rocksdb_write(store, durable, batch, &message)
    try StoreFailure.check(message, "rocksdb_write")
    owner.commits.add(1, ordering: .relaxed)
  }
}
