import CairnKV
import Synchronization

/// Makes and recycles the files that logs are written to.
///
/// A log is written into a file whose blocks exist and have been written before, so that a sync changes no
/// metadata: measured at 1.3 to 1.6 times the commit rate of a growing file (`fallocate` alone does not do:
/// the first write into a reserved block still changes metadata). Such a file is a *spare*: a former log,
/// or zeros. It becomes a log by a new header page, written and synced under the spare's name, then a
/// rename. Logs grow with use: a spare is made four times as large as the log in use, up to a limit, while
/// that log is being filled.
final class LogFiles: Sendable {
  private struct Spare {
    var number: UInt64
    var bytes: UInt64
  }

  private let directory: StoreDirectory
  private let random: any RandomSource
  private let spares = Mutex<[Spare]>([])

  private let firstLogBytes: UInt64
  /// A retired log is kept as a spare while there are fewer than this.
  private static let greatestSpareCount = 1
  private static let chunkBytes = 256 << 10

  init(directory: StoreDirectory, random: any RandomSource, firstLogBytes: UInt64) {
    self.directory = directory
    self.random = random
    self.firstLogBytes = firstLogBytes
  }

  var hasSpare: Bool { spares.withLock { !$0.isEmpty } }

  /// Takes over a spare that was found in the directory.
  func adopt(spare number: UInt64) throws(StorageError) {
    let bytes = try directory.fileSystem.information(at: directory.path(of: .spare(number)))?.size ?? 0
    try keepOrRemove(Spare(number: number, bytes: bytes))
  }

  /// A file with a durable header page and the frames that `fill` appends, also durable, under its final
  /// name.
  ///
  /// It counts for recovery once the manifest lists it. Until then it is a stray that holds nothing new.
  func createLog(
    number: UInt64, predecessor: FrameFileHeader.End?, buffer: FrameBuffer,
    fill: (FrameWriter) throws(StorageError) -> Void = { (_) throws(StorageError) in }
  ) throws(StorageError) -> FrameWriter {
    let spare = spares.withLock { $0.popLast() }
    let source = StoreDirectory.Entry.spare(spare?.number ?? number)
    do throws(StorageError) {
      return try createLog(
        number: number, in: source, spare, predecessor: predecessor, buffer: buffer, fill: fill)
    } catch {
      // Nothing refers to it. What cannot be removed now is adopted as a spare by the next opening.
      try? directory.remove(source)
      throw error
    }
  }

  private func createLog(
    number: UInt64, in source: StoreDirectory.Entry, _ spare: Spare?, predecessor: FrameFileHeader.End?,
    buffer: FrameBuffer, fill: (FrameWriter) throws(StorageError) -> Void
  ) throws(StorageError) -> FrameWriter {
    let file: any File
    let capacity: UInt64
    if let spare {
      file = try directory.open(source, .readWrite)
      capacity = spare.bytes
    } else {
      file = try directory.open(source, .create)
      capacity = firstLogBytes
      try writeZeros(to: file, count: capacity)
    }
    let header = FrameFileHeader(
      purpose: .log, number: number, salt: FrameFile.salt(random, number: number), predecessor: predecessor)
    let page = header.encoded()
    try withBytes(of: page) { (bytes) throws(StorageError) in try file.write(bytes, at: 0) }
    let writer = FrameWriter(
      file, header: header, headerChecksum: page.withUnsafeBytes { FrameFileHeader.checksum(ofEncoded: $0) },
      capacity: capacity, latch: directory.latch, buffer: buffer)
    try fill(writer)
    // The header page needs a sync even where there is no frame to sync.
    if writer.isSynchronized { try directory.synchronize(file) } else { try writer.synchronize() }
    try directory.rename(source, to: .log(number))
    try directory.synchronize()
    try file.close()
    writer.continue(in: try directory.open(.log(number), .readWrite))
    return writer
  }

  /// Makes a spare of `bytes` zeros. A failure leaves no spare: the log in use then simply grows past its
  /// capacity.
  func prepareSpare(number: UInt64, bytes: UInt64) throws(StorageError) {
    if spares.withLock({ $0.contains { $0.bytes >= bytes } }) { return }
    let entry = StoreDirectory.Entry.spare(number)
    let file = try directory.open(entry, .create)
    do throws(StorageError) {
      try writeZeros(to: file, count: bytes)
      try directory.synchronize(file)
      try file.close()
    } catch {
      try? directory.remove(entry)
      throw error
    }
    try keepOrRemove(Spare(number: number, bytes: bytes))
  }

  /// Takes a log that recovery needs no longer, durably so, as a spare, or removes it.
  func retire(log number: UInt64) throws(StorageError) {
    guard let bytes = try directory.fileSystem.information(at: directory.path(of: .log(number)))?.size else {
      return
    }
    try directory.rename(.log(number), to: .spare(number))
    try keepOrRemove(Spare(number: number, bytes: bytes))
  }

  private func keepOrRemove(_ spare: Spare) throws(StorageError) {
    let surplus = spares.withLock { spares -> Spare? in
      spares.append(spare)
      spares.sort { $0.bytes < $1.bytes }
      // The largest is the one to keep: what grew once is likely to be needed again.
      return spares.count > Self.greatestSpareCount ? spares.removeFirst() : nil
    }
    if let surplus { try directory.remove(.spare(surplus.number)) }
  }

  private func writeZeros(to file: any File, count: UInt64) throws(StorageError) {
    let zeros = [UInt8](repeating: 0, count: Self.chunkBytes)
    var offset: UInt64 = 0
    while offset < count {
      let length = Int(min(UInt64(zeros.count), count - offset))
      try withBytes(of: zeros) { (bytes) throws(StorageError) in
        try file.write(UnsafeRawBufferPointer(rebasing: bytes[..<length]), at: offset)
      }
      offset += UInt64(length)
    }
  }
}
