import CairnKV

/// Writes what the logs of a cut hold into one new log of the backup.
///
/// Into a log of its own, and not a copy of each: a log is written on, so that no backup may share one, and a copy would
/// have the number of a log that goes on growing in the store, of which the next backup into the same directory has
/// more. The new one holds carried frames only, so that to an earlier backup in the same directory it is a stray that
/// says nothing.
struct BackupLog {
  let source: StoreDirectory
  let target: StoreDirectory
  let random: any RandomSource
  let logs: [UInt64]
  /// Where the newest one ends.
  let end: FrameFileHeader.End

  /// - Parameter number: the new log's.
  /// - Returns: where it ends; `nil` when the logs hold nothing, and none was made.
  func write(number: UInt64) throws(StorageError) -> FrameFileHeader.End? {
    let readers = try openAll()
    let entry = StoreDirectory.Entry.spare(number)
    let buffer = FrameBuffer()
    let header = FrameFileHeader(
      purpose: .log, number: number, salt: FrameFile.salt(random, number: number), predecessor: nil)
    var log: FrameWriter?
    var frames: CarriedFrames?
    var nextSequence: UInt64 = 0
    for reader in readers {
      while let frame = try reader.next() {
        if frame.header.kind == .seal { continue }
        guard let count = BatchGroup.operationCount(of: frame) else {
          throw StorageError(
            .corruption, "a frame with a valid checksum holds something else than batches",
            file: source.path(of: .log(reader.header.number)), offset: frame.header.offset)
        }
        if log == nil {
          let created = try begin(entry, header, buffer)
          log = created
          frames = CarriedFrames(to: created, buffer)
        }
        try frames?.append(
          frame.header.kind == .ingest ? .ingest : .carried, firstSequence: frame.header.firstSequence,
          batchCount: frame.header.batchCount, payload: frame.payload)
        nextSequence = frame.header.firstSequence + count
      }
    }
    guard let log else { return nil }
    try frames?.finish()
    try log.appendSeal(nextSequence: nextSequence)
    try log.file.close()
    try target.rename(entry, to: .log(number))
    return log.end
  }

  /// The oldest first.
  private func openAll() throws(StorageError) -> [FrameReader] {
    var readers: [FrameReader] = []
    var end = end
    for number in logs.reversed() {
      let reader = try FrameReader(try source.open(.log(number), .read), purpose: .log, end: end)
      readers.append(reader)
      guard number != logs.first else { break }
      guard let before = reader.header.predecessor else {
        throw StorageError(
          .corruption, "the log names no predecessor, although the manifest lists one",
          file: source.path(of: .log(number)), offset: 32)
      }
      end = before
    }
    return readers.reversed()
  }

  private func begin(
    _ entry: StoreDirectory.Entry, _ header: FrameFileHeader, _ buffer: FrameBuffer
  ) throws(StorageError) -> FrameWriter {
    let file = try target.open(entry, .create)
    let page = header.encoded()
    try withBytes(of: page) { (bytes) throws(StorageError) in try file.write(bytes, at: 0) }
    return FrameWriter(
      file, header: header, headerChecksum: page.withUnsafeBytes { FrameFileHeader.checksum(ofEncoded: $0) },
      capacity: 0, latch: target.latch, buffer: buffer)
  }
}
