import CairnKV
import Synchronization

/// A value file that some version of the store has. Opened when it is read.
///
/// As with segments, the last reference decides when the file goes: one in which nothing is live any more, or
/// that was rewritten, is marked obsolete, and is removed when the last reader that might still look into it
/// lets go.
final class ValueFile: Sendable {
  let properties: ValueFileProperties
  private let openFiles: OpenValueFiles
  private let reclaimer: FileReclaimer
  private let obsolete = Atomic<Bool>(false)

  init(_ properties: ValueFileProperties, openFiles: OpenValueFiles, reclaimer: FileReclaimer) {
    self.properties = properties
    self.openFiles = openFiles
    self.reclaimer = reclaimer
  }

  deinit {
    openFiles.forget(properties.fileNumber)
    if obsolete.load(ordering: .acquiring) {
      reclaimer.reclaim(.values(properties.fileNumber), bytes: properties.fileBytes)
    }
  }

  /// The open file, which stays open for as long as the reference is kept.
  func reader() throws(StorageError) -> ValueFileReader { try openFiles.reader(of: properties) }

  /// The file may be removed once nobody refers to it.
  func markObsolete() { obsolete.store(true, ordering: .releasing) }
}

/// Keeps the value files open that were read last: at most 64, whose indexes take at most 16 MiB, but
/// always one. A reader that is in use stays open beyond that.
///
/// A lock for each value read: next to the read it costs nothing.
final class OpenValueFiles: Sendable {
  private struct State {
    var readers: [UInt64: (reader: ValueFileReader, lastUse: UInt64)] = [:]
    var indexBytes: UInt64 = 0
    var useCount: UInt64 = 0

    mutating func remove(_ number: UInt64) -> ValueFileReader? {
      guard let removed = readers.removeValue(forKey: number)?.reader else { return nil }
      indexBytes &-= removed.indexBytes
      return removed
    }
  }

  private let directory: StoreDirectory
  private let decompressor: BlockDecompressor
  private let state = Mutex(State())

  private static let greatestCount = 64
  private static let greatestIndexBytes: UInt64 = 16 << 20

  init(directory: StoreDirectory, decompressor: BlockDecompressor) {
    self.directory = directory
    self.decompressor = decompressor
  }

  /// Two threads that are first at the same time both open the file; one of the two readers is kept.
  func reader(of properties: ValueFileProperties) throws(StorageError) -> ValueFileReader {
    let number = properties.fileNumber
    if let reader = known(number) { return reader }
    let file = try directory.open(.values(number), .read)
    let reader = try ValueFileReader(file: file, fileNumber: number, decompressor: decompressor)
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
      state.indexBytes &+= reader.indexBytes
      while let oldest = state.readers.min(by: { $0.value.lastUse < $1.value.lastUse })?.key,
        state.readers.count >= Self.greatestCount || state.indexBytes > Self.greatestIndexBytes
      {
        if let removed = state.remove(oldest) { closed.append(removed) }
      }
      state.readers[number] = (reader, state.useCount)
      return (reader, closed)
    }
    withExtendedLifetime(closed) {}
    return kept
  }
}

extension ValueFileReader {
  /// What the index takes in memory.
  fileprivate var indexBytes: UInt64 {
    properties.recordCount &* UInt64(ValueFileFormat.indexEntryBytes)
  }
}
