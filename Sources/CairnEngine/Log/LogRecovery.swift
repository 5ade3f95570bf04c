import CairnKV

/// Reads the logs of a store from the oldest to the newest, and rebuilds what was not flushed. Never writes.
struct LogRecovery {
  /// A frame whose durability nobody vouches for: it was read, perhaps only from the system's cache.
  struct UnvouchedFrame {
    var offset: UInt64
    var firstSequence: UInt64
    var batchCount: UInt32
    var payload: [UInt8]
    /// The end of the content when the content ends with this frame.
    var end: FrameFileHeader.End

    init(_ frame: FrameReader.Frame, inFile number: UInt64) {
      end = FrameFileHeader.End(number: number, offset: frame.end, checksum: frame.checksum)
      offset = frame.header.offset
      firstSequence = frame.header.firstSequence
      batchCount = frame.header.batchCount
      payload = [UInt8](frame.payload)
    }
  }

  let directory: StoreDirectory
  let memtableLimit: Int
  let memtableFirstChunkBytes: Int

  /// Oldest first; the last one may take further entries.
  private(set) var memtables: [Memtable] = []
  private(set) var lastSequence: UInt64
  /// The commit groups of the newest log behind ``newestEnd``: to be written again before anything relies
  /// on them.
  private(set) var unvouched: [UnvouchedFrame] = []
  /// Up to where the newest log is known to be on disk.
  private(set) var newestEnd: FrameFileHeader.End?
  private var nextSequence: UInt64?

  init(directory: StoreDirectory, options: EngineOptions, lastSequence: UInt64) {
    self.directory = directory
    memtableLimit = options.memtableLimit
    memtableFirstChunkBytes = options.memtableFirstChunkBytes
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
      guard frame.header.kind == .group else { continue }
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
        unvouched.append(UnvouchedFrame(frame, inFile: number))
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
    let memtable = Memtable(oldestLog: log, firstChunkBytes: memtableFirstChunkBytes)
    memtables.append(memtable)
    return memtable
  }

  private func damage(_ log: UInt64, _ header: FrameHeader, _ what: String) -> StorageError {
    StorageError(
      .corruption, "a frame with a valid checksum \(what); no version of this program writes that",
      file: directory.path(of: .log(log)), offset: header.offset)
  }

  /// Deals with a log that the manifest does not list: a crash between the making of a log and its entry in
  /// the manifest leaves one.
  ///
  /// Made by a rotation, it is empty. Made by a recovery, it holds the unvouched frames of the log before it,
  /// which may be nowhere else any more: they were read from the system's cache, and a power cut has emptied
  /// that since. So they are taken over, to be written once more. Any other log that holds commits which are
  /// not known says that the manifest is older than the log, or was lost.
  mutating func takeOver(stray number: UInt64) throws(StorageError) {
    let path = directory.path(of: .log(number))
    let reader: FrameReader
    do throws(StorageError) {
      reader = try FrameReader(try directory.open(.log(number), .read), purpose: .log)
    } catch {
      // A header that is not whole: a log that was never put to use.
      if error.code == .corruption { return }
      throw error
    }
    // Which of the frames that are still there it begins behind. The last of them that had been vouched for
    // then need not be now: the frame that did so may be among those that are lost.
    var place: Int?
    if let newestEnd, let predecessor = reader.header.predecessor, reader.header.number == number {
      place = ([newestEnd] + unvouched.map(\.end)).firstIndex(of: predecessor)
    }
    let origin = place == nil ? nil : newestEnd?.number
    var copies: [UnvouchedFrame] = []
    var isNew = false
    while let frame = try reader.next() {
      guard frame.header.kind == .group else { continue }
      let first = frame.header.firstSequence
      let continuation = first == lastSequence + 1 ? origin : nil
      let target =
        continuation.map { memtable(for: $0) } ?? Memtable(oldestLog: number, firstChunkBytes: 4096)
      guard
        let count = BatchGroup.replay(
          frame.payload, batchCount: frame.header.batchCount, firstSequence: first, to: target)
      else { throw damage(number, frame.header, "holds something else than batches") }
      if first + count - 1 > lastSequence {
        guard continuation != nil else {
          throw StorageError(
            .corruption,
            "the log holds commits but the manifest does not know it: the manifest is older than the log, or "
              + "was lost; restore it from a backup", file: path, offset: frame.header.offset)
        }
        lastSequence = first + count - 1
        isNew = true
      }
      copies.append(UnvouchedFrame(frame, inFile: number))
    }
    // It has all that is left of what followed, and more.
    if isNew, let place { unvouched = unvouched.prefix(place) + copies }
  }
}
