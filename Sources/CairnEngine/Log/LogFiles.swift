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

  private struct State {
    var spares: [Spare] = []
    /// The lengths of the logs that recovery needs, by number.
    var lengths: [UInt64: UInt64] = [:]
    /// Logs with lower numbers are removed when they are needed no more, however well they would do as a spare.
    var firstRecycled: UInt64 = 0
    /// How many want all logs to stay as they are, and which logs wait for that to end.
    var holds = 0
    var held: [UInt64] = []
  }

  /// Keeps every log as it is that is listed now, whether or not it is needed by recovery, until it is released or let
  /// go of.
  final class Hold: Sendable {
    private let files: LogFiles
    private let isReleased = Atomic(false)

    fileprivate init(_ files: LogFiles) { self.files = files }

    deinit { release() }

    /// Twice is fine.
    func release() {
      if !isReleased.exchange(true, ordering: .acquiringAndReleasing) { files.endHold() }
    }
  }

  private let directory: StoreDirectory
  private let random: any RandomSource
  private let reclaimer: FileReclaimer
  private let state = Mutex(State())

  /// How long the first log of a store is.
  let firstLogBytes: UInt64
  /// A retired log is kept as a spare while there are fewer than this. When flushes do not keep up, logs come back
  /// two at a time, and to remove one would mean to write zeros into another one soon.
  private static let greatestSpareCount = 2
  /// One that is longer is not kept: a single large commit would take its space for good.
  private let greatestSpareBytes: UInt64
  private static let chunkBytes = 256 << 10

  /// - Parameter greatestLogBytes: how long a log gets that holds no large commit.
  init(
    directory: StoreDirectory, random: any RandomSource, firstLogBytes: UInt64, greatestLogBytes: UInt64,
    reclaimer: FileReclaimer
  ) {
    self.directory = directory
    self.random = random
    self.firstLogBytes = firstLogBytes
    greatestSpareBytes = greatestLogBytes + max(greatestLogBytes / 4, firstLogBytes)
    self.reclaimer = reclaimer
  }

  var hasSpare: Bool { state.withLock { !$0.spares.isEmpty } }
  /// What is kept for the next log.
  var spareBytes: UInt64 { state.withLock { $0.spares.reduce(0) { $0 + $1.bytes } } }

  /// How many logs recovery needs, and what they take.
  var listed: (count: Int, bytes: UInt64) {
    state.withLock { ($0.lengths.count, $0.lengths.values.reduce(0, +)) }
  }

  /// Notes what a log takes that recovery needs.
  func note(log number: UInt64, bytes: UInt64) {
    state.withLock { $0.lengths[number] = max(bytes, $0.lengths[number] ?? 0) }
  }

  /// Takes over a spare that was found in the directory.
  func adopt(spare number: UInt64) throws(StorageError) {
    let bytes = try directory.fileSystem.information(at: directory.path(of: .spare(number)))?.size ?? 0
    keepOrRemove(Spare(number: number, bytes: bytes))
  }

  /// A file with a durable header page and the frames that `fill` appends, also durable, under its final
  /// name.
  ///
  /// It counts for recovery once the manifest lists it. Until then it is a stray that holds nothing new.
  /// - Parameter startsSmall: Whether it is made as small as a new store's, and the logs before it are removed
  ///   instead of recycled.
  func createLog(
    number: UInt64, predecessor: FrameFileHeader.End?, buffer: FrameBuffer, startsSmall: Bool = false,
    fill: (FrameWriter) throws(StorageError) -> Void = { (_) throws(StorageError) in }
  ) throws(StorageError) -> FrameWriter {
    let spare = startsSmall ? nil : state.withLock { $0.spares.popLast() }
    let source = StoreDirectory.Entry.spare(spare?.number ?? number)
    do throws(StorageError) {
      let writer = try createLog(
        number: number, in: source, spare, predecessor: predecessor, buffer: buffer, fill: fill)
      state.withLock { state in
        state.lengths[number] = max(writer.capacity, writer.end.offset)
        if startsSmall { state.firstRecycled = number }
      }
      return writer
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
    try writer.synchronize()
    try directory.rename(source, to: .log(number))
    try directory.synchronize()
    try file.close()
    writer.continue(in: try directory.open(.log(number), .readWriteThrough))
    return writer
  }

  /// Makes a spare of `bytes` zeros. A failure leaves no spare: the log in use then simply grows past its
  /// capacity.
  func prepareSpare(number: UInt64, bytes: UInt64) throws(StorageError) {
    if state.withLock({ $0.spares.contains { $0.bytes >= bytes } }) { return }
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
    keepOrRemove(Spare(number: number, bytes: bytes))
  }

  /// Keeps logs from being retired, from now on.
  func hold() -> Hold {
    state.withLock { $0.holds += 1 }
    return Hold(self)
  }

  private func endHold() {
    let waiting = state.withLock { state in
      state.holds -= 1
      guard state.holds == 0 else { return [] as [UInt64] }
      defer { state.held = [] }
      return state.held
    }
    // One that cannot be taken now is a stray, which the next opening removes.
    for number in waiting { try? retire(log: number) }
  }

  /// Takes a log that recovery needs no longer, durably so, as a spare, or removes it; once nobody holds it.
  func retire(log number: UInt64) throws(StorageError) {
    let firstRecycled = state.withLock { state -> UInt64? in
      state.lengths[number] = nil
      guard state.holds == 0 else {
        state.held.append(number)
        return nil
      }
      return state.firstRecycled
    }
    guard let firstRecycled else { return }
    guard let bytes = try directory.fileSystem.information(at: directory.path(of: .log(number)))?.size else {
      return
    }
    if number < firstRecycled || bytes > greatestSpareBytes {
      return reclaimer.reclaim(.log(number), bytes: bytes)
    }
    try directory.rename(.log(number), to: .spare(number))
    keepOrRemove(Spare(number: number, bytes: bytes))
  }

  /// Lets go of what is kept for the next log.
  func removeSpares() {
    let removed = state.withLock { state in
      defer { state.spares = [] }
      return state.spares
    }
    for spare in removed { reclaimer.reclaim(.spare(spare.number), bytes: spare.bytes) }
  }

  private func keepOrRemove(_ spare: Spare) {
    let surplus = state.withLock { state -> Spare? in
      if spare.bytes > greatestSpareBytes { return spare }
      state.spares.append(spare)
      state.spares.sort { $0.bytes < $1.bytes }
      // The largest are the ones to keep: what grew once is likely to be needed again.
      let isMuchSmaller = state.spares[0].bytes <= (state.spares.last?.bytes ?? 0) / 2
      return isMuchSmaller || state.spares.count > Self.greatestSpareCount ? state.spares.removeFirst() : nil
    }
    if let surplus { reclaimer.reclaim(.spare(surplus.number), bytes: surplus.bytes) }
  }

  private func writeZeros(to file: any File, count: UInt64) throws(StorageError) {
    let zeros = [UInt8](repeating: 0, count: Self.chunkBytes)
    var offset: UInt64 = 0
    var writeback = Writeback()
    while offset < count {
      let length = Int(min(UInt64(zeros.count), count - offset))
      try withBytes(of: zeros) { (bytes) throws(StorageError) in
        try file.write(UnsafeRawBufferPointer(rebasing: bytes[..<length]), at: offset)
      }
      offset += UInt64(length)
      try writeback.advance(to: offset, in: file)
    }
  }
}
