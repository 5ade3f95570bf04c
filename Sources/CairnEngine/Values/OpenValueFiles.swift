import CairnKV
import Synchronization

/// Keeps the value files open that were read last, within a number of files and a share of the block cache,
/// but always one.
///
/// What an open file keeps in memory is charged to the cache by its reader, for as long as that lives; here is
/// decided only which stay open. A reader that is in use comes on top. A lock for each value read: next to the
/// read it costs nothing.
final class OpenValueFiles: Sendable {
  private struct State {
    var readers: [UInt64: (reader: ValueFileReader, lastUse: UInt64)] = [:]
    var bytes = 0
    var useCount: UInt64 = 0

    mutating func remove(_ number: UInt64) -> ValueFileReader? {
      guard let removed = readers.removeValue(forKey: number)?.reader else { return nil }
      bytes -= removed.memoryBytes
      return removed
    }
  }

  private let directory: StoreDirectory
  private let cache: BlockCache
  private let state = Mutex(State())
  /// How many files are kept open.
  let fileLimit: Int
  /// What they may keep in memory together.
  let byteLimit: Int

  init(directory: StoreDirectory, cache: BlockCache, fileLimit: Int) {
    self.directory = directory
    self.cache = cache
    self.fileLimit = fileLimit
    byteLimit = cache.capacityBytes / 8
  }

  /// How many files are kept open now.
  var count: Int { state.withLock { $0.readers.count } }

  /// Two threads that are first at the same time both open the file; one of the two readers is kept.
  func reader(of properties: ValueFileProperties) throws(StorageError) -> ValueFileReader {
    let number = properties.fileNumber
    if let reader = known(number) { return reader }
    let file = try directory.open(.values(number), .read)
    let reader = try ValueFileReader(file: file, fileNumber: number, budget: cache)
    guard reader.properties == properties else {
      throw StorageError(
        .corruption, "the value file is not the one that the manifest describes; restore it from a backup",
        file: file.path)
    }
    return keep(reader)
  }

  /// Stops keeping a file open.
  func forget(_ number: UInt64) {
    let forgotten = state.withLock { $0.remove(number) }
    withExtendedLifetime(forgotten) {}
  }

  private func known(_ number: UInt64) -> ValueFileReader? {
    state.withLock { state in
      state.useCount &+= 1
      state.readers[number]?.lastUse = state.useCount
      return state.readers[number]?.reader
    }
  }

  private func keep(_ reader: ValueFileReader) -> ValueFileReader {
    // What is let go is closed outside the lock.
    let (kept, closed) = state.withLock { state -> (ValueFileReader, [ValueFileReader]) in
      let number = reader.properties.fileNumber
      if let other = state.readers[number]?.reader { return (other, [reader]) }
      var closed: [ValueFileReader] = []
      while let oldest = state.readers.min(by: { $0.value.lastUse < $1.value.lastUse })?.key,
        state.readers.count >= fileLimit || state.bytes + reader.memoryBytes > byteLimit
      {
        if let removed = state.remove(oldest) { closed.append(removed) }
      }
      state.readers[number] = (reader, state.useCount)
      state.bytes += reader.memoryBytes
      return (reader, closed)
    }
    withExtendedLifetime(closed) {}
    return kept
  }
}
