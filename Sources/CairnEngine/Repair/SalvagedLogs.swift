import CairnKV

/// Reads whatever frames of the logs are whole into a memtable, and notes which sequence numbers are missing.
///
/// What is lost of a log may have concerned any key. Memory: what the logs hold, as at every opening.
struct SalvagedLogs {
  let memtable = Memtable(oldestLog: 0)
  private let directory: StoreDirectory
  private let findings: RepairFindings
  /// The number that the next operation has.
  private var nextSequence: UInt64?
  /// What could not be read since the last frame that could.
  private var gap: (part: RepairLoss.Part, error: StorageError)?

  init(_ directory: StoreDirectory, _ findings: RepairFindings) {
    self.directory = directory
    self.findings = findings
  }

  /// - Parameters:
  ///   - numbers: of the logs, ascending.
  ///   - listedEnd: where the manifest says that the newest listed one ended; `nil` when it does not.
  ///   - listedSequence: what the manifest says was used; `nil` when nobody says.
  mutating func read(
    _ numbers: [UInt64], listedEnd: FrameFileHeader.End?, listedSequence: UInt64?
  ) throws(StorageError) {
    var readers: [(number: UInt64, reader: SalvageFrameReader?, error: StorageError?)] = []
    var end = listedEnd.flatMap { $0.number == numbers.last ? $0 : nil }
    for number in numbers.reversed() {
      do throws(StorageError) {
        let reader = try open(number, end)
        end = reader.header.predecessor
        readers.append((number, reader, nil))
      } catch {
        guard error.isDamage else { throw error }
        end = nil
        readers.append((number, nil, error))
      }
    }
    memtable.beginGathering()
    for (number, reader, error) in readers.reversed() {
      if let error { note(.log, error) }
      if let reader { try read(reader, number) }
    }
    memtable.finishGathering()
    finish(listedSequence)
  }

  private func open(_ number: UInt64, _ end: FrameFileHeader.End?) throws(StorageError) -> SalvageFrameReader
  {
    let path = directory.path(of: .log(number))
    guard try directory.fileSystem.information(at: path) != nil else {
      throw StorageError(.corruption, "the log is missing", file: path)
    }
    let reader = try SalvageFrameReader(try directory.open(.log(number), .read), end: end)
    guard reader.header.number == number else {
      throw StorageError(
        .corruption, "the log is number \(reader.header.number) by its header", file: path, offset: 16)
    }
    return reader
  }

  private mutating func read(_ reader: SalvageFrameReader, _ number: UInt64) throws(StorageError) {
    let path = directory.path(of: .log(number))
    while let finding = try reader.next() {
      switch finding {
      case .gap(let offset):
        note(
          .frames,
          StorageError(.corruption, "frames that had been synced are damaged", file: path, offset: offset))
      case .frame(let frame):
        // A seal says how far the numbers had come.
        if frame.header.kind == .seal {
          closeGap(before: frame.header.firstSequence)
        } else {
          take(frame, path)
        }
      }
    }
  }

  private mutating func take(_ frame: FrameReader.Frame, _ path: String) {
    let first = frame.header.firstSequence
    let isLog = [.group, .carried, .ingest].contains(frame.header.kind)
    guard isLog, let count = BatchGroup.operationCount(of: frame), first >= nextSequence ?? 1 else {
      return note(
        .frames,
        StorageError(
          .corruption, "a whole frame says what no writer says", file: path, offset: frame.header.offset))
    }
    if let expected = nextSequence, first > expected, gap == nil {
      note(
        .frames,
        StorageError(.corruption, "sequence numbers are missing", file: path, offset: frame.header.offset))
    }
    closeGap(before: first)
    if frame.header.kind != .ingest {
      _ = BatchGroup.replay(
        frame.payload, batchCount: frame.header.batchCount, firstSequence: first, to: memtable)
    }
    nextSequence = first + count
    findings.note(lastSequence: first + count - 1)
  }

  /// Notes that something could not be read. What it was is known when it is known what comes behind.
  private mutating func note(_ part: RepairLoss.Part, _ error: StorageError) {
    if gap == nil { gap = (part, error) }
  }

  private mutating func closeGap(before sequence: UInt64) {
    guard let lost = gap, sequence <= EntryTrailer.firstOwnSequence else { return }
    let first = nextSequence ?? 1
    // Where no number is missing, what was damaged held no commit.
    if sequence > first {
      findings.lose(
        lost.part, lost.error, range: .all, firstSequence: first, lastSequence: sequence - 1)
      nextSequence = sequence
    }
    gap = nil
  }

  private mutating func finish(_ listedSequence: UInt64?) {
    if let gap {
      findings.lose(gap.part, gap.error, range: .all, firstSequence: nextSequence ?? 1, lastSequence: nil)
    } else if let nextSequence, let listedSequence, nextSequence <= listedSequence {
      findings.lose(
        .frames,
        StorageError(
          .corruption,
          "the logs end before sequence number \(listedSequence), which the manifest says was used",
          file: directory.path),
        range: .all, firstSequence: nextSequence, lastSequence: listedSequence)
    }
  }
}
