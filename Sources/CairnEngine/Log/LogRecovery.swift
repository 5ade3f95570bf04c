import CairnKV

/// Reads the logs of a store from the oldest to the newest, and rebuilds what was not flushed. Never writes.
struct LogRecovery {
  /// A frame whose durability nobody vouches for: it was read, perhaps only from the system's cache.
  struct UnvouchedFrame {
    var offset: UInt64
    var firstSequence: UInt64
    var batchCount: UInt32
    var payload: [UInt8]
  }

  let directory: StoreDirectory
  let memtableLimit: Int

  /// Oldest first; the last one may take further entries.
  private(set) var memtables: [Memtable] = []
  private(set) var lastSequence: UInt64
  /// The commit groups of the newest log behind ``newestEnd``: to be written again before anything relies
  /// on them.
  private(set) var unvouched: [UnvouchedFrame] = []
  /// Up to where the newest log is known to be on disk.
  private(set) var newestEnd: FrameFileHeader.End?
  private var nextSequence: UInt64?

  init(directory: StoreDirectory, memtableLimit: Int, lastSequence: UInt64) {
    self.directory = directory
    self.memtableLimit = memtableLimit
    self.lastSequence = lastSequence
  }

  /// - Parameter logs: the numbers of the logs, ascending, as the manifest lists them.
  mutating func replay(_ logs: [UInt64]) throws(StorageError) {
    var readers: [FrameReader] = []
    var end: FrameFileHeader.End?
    for (index, number) in logs.enumerated().reversed() {
      let path = directory.path(of: .log(number))
      guard try directory.fileSystem.information(at: path) != nil else {
        throw StorageError(
          .corruption, "the log is missing, and with it acknowledged commits; restore it from a backup",
          file: path)
      }
      let reader = try FrameReader(try directory.open(.log(number), .read), purpose: .log, end: end)
      guard reader.header.number == number else {
        throw StorageError(
          .corruption, "the log is number \(reader.header.number) by its header; it was renamed or exchanged",
          file: path,
          offset: 16)
      }
      end = reader.header.predecessor
      if index > 0, end?.number != logs[index - 1] {
        throw StorageError(
          .corruption, "the log does not follow log \(logs[index - 1]), which the manifest lists before it",
          file: path,
          offset: 32)
      }
      readers.append(reader)
    }
    for (index, reader) in readers.reversed().enumerated() {
      try replay(reader, number: logs[index], isNewest: index == logs.count - 1)
    }
  }

  private mutating func replay(_ reader: FrameReader, number: UInt64, isNewest: Bool) throws(StorageError) {
    while let frame = try reader.next() {
      guard frame.header.kind == .group || frame.header.kind == .carried else { continue }
      let first = frame.header.firstSequence
      guard nextSequence.map({ $0 == first }) ?? (first > 0) else {
        throw damage(number, frame.header, "does not continue the sequence numbers before it")
      }
      guard
        let count = BatchGroup.replay(
          frame.payload, batchCount: frame.header.batchCount, firstSequence: first, to: memtable(for: number))
      else { throw damage(number, frame.header, "holds something else than batches") }
      nextSequence = first + count
      lastSequence = max(lastSequence, first + count - 1)
      if isNewest {
        unvouched.append(
          UnvouchedFrame(
            offset: frame.header.offset, firstSequence: first, batchCount: frame.header.batchCount,
            payload: [UInt8](frame.payload)))
        let vouched = unvouched.prefix { $0.offset < reader.durableEnd.offset }.count
        unvouched.removeFirst(vouched)
      }
    }
    if isNewest {
      // The last frame read may have been a seal.
      unvouched.removeAll { $0.offset < reader.durableEnd.offset }
      newestEnd = reader.durableEnd
    }
  }

  private mutating func memtable(for log: UInt64) -> Memtable {
    if let newest = memtables.last, newest.reservedBytes <= memtableLimit { return newest }
    let memtable = Memtable(oldestLog: log)
    memtables.append(memtable)
    return memtable
  }

  private func damage(_ log: UInt64, _ header: FrameHeader, _ what: String) -> StorageError {
    StorageError(
      .corruption, "a frame with a valid checksum \(what); no version of this program writes that",
      file: directory.path(of: .log(log)), offset: header.offset)
  }

  /// Refuses a log that the manifest does not list but that holds commits: then the manifest is older than
  /// the log.
  ///
  /// A crash between the making of a log and its entry in the manifest leaves a log that holds nothing but
  /// what recovery carried over. That may be newer than what the log before still holds: it was in the
  /// system's cache when it was read, and a power cut took it. It was not acknowledged as durable, or the disk
  /// would have it there.
  func checkStray(log number: UInt64) throws(StorageError) {
    let path = directory.path(of: .log(number))
    let reader: FrameReader
    do throws(StorageError) {
      reader = try FrameReader(try directory.open(.log(number), .read), purpose: .log)
    } catch {
      // A header that is not whole: a log that was never put to use.
      if error.code == .corruption { return }
      throw error
    }
    while let frame = try reader.next() {
      let scratch = Memtable(oldestLog: number, firstChunkBytes: 4096)
      guard frame.header.kind == .group,
        let count = BatchGroup.replay(
          frame.payload, batchCount: frame.header.batchCount, firstSequence: frame.header.firstSequence,
          to: scratch)
      else { continue }
      if frame.header.firstSequence + count - 1 > lastSequence {
        throw StorageError(
          .corruption,
          "the log holds commits but the manifest does not know it: the manifest is older than the log, or "
            + "was lost; restore it from a backup", file: path, offset: frame.header.offset)
      }
    }
  }
}
