import CairnKV

/// Reads the logs of a store from the oldest to the newest, and rebuilds what was not flushed. Never writes.
struct LogRecovery {
  /// A commit group, or the sequence numbers of an ingest, to be written into the new log.
  struct CarriedGroup {
    /// What it is carried as.
    var kind: FrameKind
    var firstSequence: UInt64
    var batchCount: UInt32
    var payload: UnsafeRawBufferPointer
  }

  private struct HeldGroup {
    var kind: FrameKind
    var firstSequence: UInt64
    var batchCount: UInt32
    var payload: [UInt8]
  }

  let directory: StoreDirectory
  let options: EngineOptions
  private let pool: PagePool

  /// Oldest first; the last one may take further entries.
  private(set) var memtables: [Memtable] = []
  private(set) var lastSequence: UInt64
  /// Whether everything is carried, not only what nobody vouches for: where all logs together hold little, so that the
  /// old ones can go.
  private(set) var carriesAll = true
  /// Everything, for as long as it is little.
  private var held: [HeldGroup] = []
  private var heldBytes = 0
  private var newest: FrameReader?
  /// Up to where the newest log is known to be on disk.
  private(set) var newestEnd: FrameFileHeader.End?
  private var nextSequence: UInt64?
  private let listedSequence: UInt64
  /// Whether of the newest log only that is taken which is known to be on disk.
  private let takesVouchedOnly: Bool

  /// Up to here what the logs hold is carried over whole. Without this a store that is opened often and written
  /// little would keep one log more for every opening.
  private static let greatestWholeCarry = 128 << 10

  /// - Parameters:
  ///   - lastSequence: what the manifest says.
  ///   - takesVouchedOnly: whether what nobody vouches for is left out, as who does not write it anew must.
  init(
    directory: StoreDirectory, options: EngineOptions, pool: PagePool, lastSequence: UInt64,
    takesVouchedOnly: Bool = false
  ) {
    self.pool = pool
    self.takesVouchedOnly = takesVouchedOnly
    listedSequence = lastSequence
    self.directory = directory
    self.options = options
    self.lastSequence = lastSequence
  }

  /// - Parameters:
  ///   - logs: the numbers of the logs, ascending, as the manifest lists them.
  ///   - newestEnd: where the newest ended, if the manifest says so.
  mutating func replay(_ logs: [UInt64], endingAt newestEnd: FrameFileHeader.End?) throws(StorageError) {
    var readers: [FrameReader] = []
    var end = newestEnd
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
    memtables.last?.finishGathering()
    // What the manifest says was used had been synced before it said so: it vouches for the newest log as the
    // mark of a later frame would.
    if let nextSequence, nextSequence <= listedSequence, let newest = readers.first {
      throw StorageError(
        .corruption,
        "the log ends before sequence number \(listedSequence), which the manifest says was used: acknowledged "
          + "commits from here on are lost or changed; restore it from a backup",
        file: directory.path(of: .log(newest.header.number)), offset: newest.position.offset)
    }
  }

  /// Up to where a log is known to be on disk: by the marks of its frames, or by what says where it ended.
  static func vouchedEnd(
    of file: any File, endingAt end: FrameFileHeader.End?
  ) throws(StorageError) -> UInt64 {
    let reader = try FrameReader(file, purpose: .log, end: end)
    while try reader.next() != nil {}
    return reader.durableEnd.offset
  }

  private mutating func replay(_ reader: FrameReader, number: UInt64, isNewest: Bool) throws(StorageError) {
    let vouchedEnd =
      try isNewest && takesVouchedOnly
      ? Self.vouchedEnd(of: directory.open(.log(number), .read), endingAt: reader.knownEnd) : nil
    while let frame = try reader.next() {
      guard frame.header.kind != .seal else { continue }
      // What the manifest says was used it vouches for as well.
      if let vouchedEnd, frame.end > vouchedEnd, frame.header.firstSequence > listedSequence { break }
      let first = frame.header.firstSequence
      guard nextSequence.map({ $0 == first }) ?? (first > 0) else {
        throw damage(number, frame.header, "does not continue the sequence numbers before it")
      }
      guard let count = apply(frame, of: number) else {
        throw damage(number, frame.header, "holds something else than batches")
      }
      nextSequence = first + count
      lastSequence = max(lastSequence, first + count - 1)
      hold(frame)
    }
    guard isNewest else { return }
    newestEnd = reader.durableEnd
    newest = reader
  }

  /// - Returns: how many sequence numbers the frame takes; `nil` when it does not decode.
  private mutating func apply(_ frame: FrameReader.Frame, of log: UInt64) -> UInt64? {
    if frame.header.kind == .ingest {
      let count = UInt64(frame.header.batchCount)
      return count <= EntryTrailer.firstOwnSequence - frame.header.firstSequence ? count : nil
    }
    return BatchGroup.replay(
      frame.payload, batchCount: frame.header.batchCount, firstSequence: frame.header.firstSequence,
      to: memtable(for: log))
  }

  private mutating func hold(_ frame: FrameReader.Frame) {
    guard carriesAll else { return }
    heldBytes += frame.payload.count
    guard heldBytes <= Self.greatestWholeCarry else {
      carriesAll = false
      held = []
      return
    }
    held.append(
      HeldGroup(
        kind: Self.carriedKind(frame), firstSequence: frame.header.firstSequence,
        batchCount: frame.header.batchCount, payload: [UInt8](frame.payload)))
  }

  private static func carriedKind(_ frame: FrameReader.Frame) -> FrameKind {
    frame.header.kind == .ingest ? .ingest : .carried
  }

  /// Calls `body` with the groups that are to be written into the new log before anything relies on them: those of
  /// the newest log behind ``newestEnd``, for whose durability nobody vouches; they were read, but perhaps only from
  /// the system's cache. Or with everything, see ``carriesAll``.
  ///
  /// What is much is read once more, not held: a log may be all that memory has room for.
  func forEachCarried(
    _ body: (CarriedGroup) throws(StorageError) -> Void
  ) throws(StorageError) {
    if carriesAll {
      for group in held {
        try withBytes(of: group.payload) { (payload) throws(StorageError) in
          try body(
            CarriedGroup(
              kind: group.kind, firstSequence: group.firstSequence, batchCount: group.batchCount,
              payload: payload))
        }
      }
    } else if let newest {
      let end = newest.position
      newest.rewindToDurableEnd()
      while let frame = try newest.next() {
        if frame.header.kind == .seal { continue }
        try body(
          CarriedGroup(
            kind: Self.carriedKind(frame), firstSequence: frame.header.firstSequence,
            batchCount: frame.header.batchCount, payload: frame.payload))
      }
      guard newest.position == end else {
        throw StorageError(
          .corruption, "the log held more when it was first read; restore it from a backup",
          file: directory.path(of: .log(newest.header.number)), offset: newest.position.offset)
      }
    }
  }

  /// One memtable with all that is carried, which needs no log but the new one.
  func memtableOfCarried(newLog number: UInt64) throws(StorageError) -> Memtable {
    let memtable = Memtable(oldestLog: number, options, pool: pool)
    try forEachCarried { (group) throws(StorageError) in
      if group.kind != .carried { return }
      let replayed = BatchGroup.replay(
        group.payload, batchCount: group.batchCount, firstSequence: group.firstSequence, to: memtable)
      guard replayed != nil else {
        throw StorageError(.internalInconsistency, "a commit group does not decode as it did before")
      }
    }
    return memtable
  }

  private mutating func memtable(for log: UInt64) -> Memtable {
    if let newest = memtables.last, newest.reservedBytes <= options.memtableLimit { return newest }
    memtables.last?.finishGathering()
    let memtable = Memtable(oldestLog: log, options, pool: pool)
    memtable.beginGathering()
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
  /// A crash between the making of a log and its entry in the manifest leaves a log that holds nothing new:
  /// no frame, or only carried ones. Those were never acknowledged by this log, and what their originals
  /// acknowledged is on the disk where the originals are, whatever a power cut took of the rest.
  ///
  /// - Parameter hasManifest: Whether there is one. A new store's first log has nothing to carry, so that without a
  ///   manifest carried frames tell of one that was lost.
  func checkStray(log number: UInt64, hasManifest: Bool) throws(StorageError) {
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
      guard frame.header.kind == .group || (frame.header.kind == .carried && !hasManifest),
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
