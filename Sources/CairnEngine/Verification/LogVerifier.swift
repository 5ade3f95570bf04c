import CairnKV

/// Verifies the logs of a store, from the newest header to the oldest, and then their frames from the oldest
/// to the newest, as recovery reads them. Holds one frame at a time.
struct LogVerifier {
  let directory: StoreDirectory
  let run: VerificationRun
  /// What the manifest lists, ascending.
  let logs: [UInt64]
  /// Where it says that the newest ended, if it does.
  let logEnd: FrameFileHeader.End?
  /// What the manifest says was used.
  let lastSequence: UInt64

  init(directory: StoreDirectory, run: VerificationRun, state: VersionState) {
    self.directory = directory
    self.run = run
    logs = state.logs
    logEnd = state.logEnd
    lastSequence = state.lastSequence
  }

  private func path(_ number: UInt64) -> String { directory.path(of: .log(number)) }

  /// - Returns: the last sequence number found, or the manifest's; `nil` when not all could be read.
  @discardableResult
  func verify() -> UInt64? {
    guard let readers = openAll() else { return nil }
    if run.depth == .structure { return lastSequence }
    var next: UInt64?
    for reader in readers.reversed() {
      guard verifyFrames(of: reader, &next) else { return nil }
    }
    guard run.depth == .everything else { return lastSequence }
    if let next, let newest = readers.first {
      run.require(
        .logReachesManifest, next > lastSequence, file: path(newest.header.number),
        offset: newest.position.offset,
        "the logs end before sequence number \(lastSequence), which the manifest says was used")
    }
    return max(lastSequence, (next ?? 1) - 1)
  }

  /// A reader of each log, the newest first.
  private func openAll() -> [FrameReader]? {
    var readers: [FrameReader] = []
    var end = logEnd
    for (index, number) in logs.enumerated().reversed() {
      guard let reader = open(number, end) else { return nil }
      readers.append(reader)
      end = reader.header.predecessor
      run.require(
        .logNumber, reader.header.number == number, file: path(number), offset: 16,
        "the log is number \(reader.header.number) by its header")
      guard index > 0 else { continue }
      let isSuccessor = run.require(
        .logSuccession, end?.number == logs[index - 1], file: path(number), offset: 32,
        "the log does not follow log \(logs[index - 1]), which the manifest lists before it")
      if !isSuccessor { return nil }
    }
    return readers
  }

  private func open(_ number: UInt64, _ end: FrameFileHeader.End?) -> FrameReader? {
    let file = run.attempt(
      .listedFilePresent, file: path(number),
      { () throws(StorageError) -> (any File)? in
        guard try directory.fileSystem.information(at: path(number)) != nil else { return nil }
        return try directory.open(.log(number), .read)
      })
    guard let file else { return nil }
    guard let file else {
      run.note(.listedFilePresent, file: path(number), "the log is missing, though the manifest lists it")
      return nil
    }
    run.note(bytesRead: UInt64(FrameFile.pageBytes))
    return run.attempt(
      .frameFileHeader, file: path(number),
      { () throws(StorageError) in try FrameReader(file, purpose: .log, end: end) })
  }

  /// - Returns: whether the whole log could be read.
  private func verifyFrames(of reader: FrameReader, _ next: inout UInt64?) -> Bool {
    let path = path(reader.header.number)
    while let found = run.attempt(.frames, file: path, { () throws(StorageError) in try reader.next() }) {
      guard let frame = found else { return true }
      run.note(bytesRead: frame.end - frame.header.offset)
      if run.isCancelled { return false }
      guard run.depth == .everything, frame.header.kind != .seal else { continue }
      let first = frame.header.firstSequence
      let isNext = run.require(
        .logSequence, next.map { $0 == first } ?? (first > 0), file: path, offset: frame.header.offset,
        "the frame has sequence number \(first) instead of \(next ?? 1)")
      let count = BatchGroup.operationCount(of: frame)
      let isWhole = run.require(
        .logBatches, count != nil, file: path, offset: frame.header.offset,
        "the frame's payload holds something else than its batches")
      guard isNext, isWhole, let count else { return false }
      next = first + count
    }
    return false
  }

  /// Looks at logs that the manifest does not list: newer ones hold nothing that the listed ones do not.
  func verifyStrays(_ entries: [StoreDirectory.Entry], lastSequence: UInt64) {
    for case .log(let number) in entries where !logs.contains(number) && number > (logs.last ?? 0) {
      run.count(.strayLog)
      do throws(StorageError) {
        let reader = try FrameReader(try directory.open(.log(number), .read), purpose: .log)
        while let frame = try reader.next() {
          guard frame.header.kind == .group, let count = BatchGroup.operationCount(of: frame),
            frame.header.firstSequence + count - 1 > lastSequence
          else { continue }
          run.note(
            .strayLog, file: path(number), offset: frame.header.offset,
            "the log holds commits, but the manifest does not list it")
          break
        }
      } catch {
        // A header page that is not whole: no log yet. Anything else is what opening would stumble over.
        let isHeader = error.code == .corruption && (error.offset ?? 0) < UInt64(FrameFile.pageBytes)
        if !isHeader {
          run.note(.strayLog, file: error.file ?? path(number), offset: error.offset, error.message)
        }
      }
    }
  }
}

extension BatchGroup {
  /// How many sequence numbers a frame takes that is no seal; `nil` when it holds something else than it
  /// says. What is added to its first sequence number then does not overflow.
  static func operationCount(of frame: FrameReader.Frame) -> UInt64? {
    let first = frame.header.firstSequence
    guard first > 0, first <= EntryTrailer.firstOwnSequence else { return nil }
    let room = EntryTrailer.firstOwnSequence - first
    if frame.header.kind == .ingest {
      let count = UInt64(frame.header.batchCount)
      return count <= room ? count : nil
    }
    var reader = ByteReader(frame.payload)
    var total: UInt64 = 0
    for _ in 0..<frame.header.batchCount {
      guard let count = reader.readInteger(UInt32.self), count > 0,
        let length = reader.readInteger(UInt64.self).flatMap({ Int(exactly: $0) }),
        let bytes = reader.readBytes(length)
      else { return nil }
      var decoder = BatchDecoder(bytes)
      for _ in 0..<count where decoder.next() == nil { return nil }
      total += UInt64(count)
      guard decoder.isAtEnd, total <= room else { return nil }
    }
    return reader.isAtEnd ? total : nil
  }
}
