import CairnKV

/// Reads a frame file from front to back, and decides where its content ends. Never writes.
///
/// Memory: one frame at a time, and never more than the file's own length, whatever a length field says.
final class FrameReader {
  /// A frame whose memory is good until the next call of ``next()``.
  struct Frame {
    var header: FrameHeader
    /// The header's checksum, which the next frame names.
    var checksum: UInt32
    var payload: UnsafeRawBufferPointer
    var end: UInt64
  }

  let header: FrameFileHeader
  /// Where the file ended, if anybody says so.
  let knownEnd: FrameFileHeader.End?
  /// Where the last frame ends: the next one begins there or, if they share no page, at the page border behind. After
  /// ``next()`` returned `nil`, where the content ends.
  private(set) var position: FrameFileHeader.End
  /// Up to here a later frame vouches that the file had been synced. Frames past it are in the operating
  /// system's cache at least, but whether they are on the disk is not known.
  private(set) var durableEnd: FrameFileHeader.End

  private let file: any File
  private let size: UInt64
  private let purpose: FrameFile.Purpose
  private let window = ReadWindow()
  private var nextSequence: UInt64 = 0
  private var unvouched: [(end: UInt64, checksum: UInt32)] = []

  /// - Parameter end: where the file's successor, or the manifest, says that it ended; `nil` where nobody does.
  init(_ file: any File, purpose: FrameFile.Purpose, end: FrameFileHeader.End? = nil) throws(StorageError) {
    self.file = file
    self.purpose = purpose
    knownEnd = end
    size = try file.size()
    guard let page = try window.read(file, at: 0, count: FrameFile.pageBytes, fileSize: size) else {
      throw StorageError(
        .corruption, "the file is shorter than its header page; restore it from a backup", file: file.path,
        offset: size)
    }
    header = try FrameFileHeader(decoding: page, file: file.path, purpose: purpose)
    let checksum = FrameFileHeader.checksum(ofEncoded: page)
    position = .init(number: header.number, offset: UInt64(FrameFile.pageBytes), checksum: checksum)
    durableEnd = position
    if let end, end.number != header.number || end.offset < position.offset {
      throw StorageError(
        .corruption,
        "the file is number \(header.number), but what says where it ended names \(end.number)",
        file: file.path,
        offset: 16)
    }
  }

  /// The next frame, or `nil` where the content ends.
  func next() throws(StorageError) -> Frame? {
    if let end = knownEnd, position.offset == end.offset {
      guard position.checksum == end.checksum else { throw damage(.unchained, at: position.offset) }
      durableEnd = position
      unvouched = []
      return nil
    }
    let (condition, frame) = try examine(at: position.offset)
    let border = FrameFile.roundedUp(position.offset)
    // With none behind the last one it is at the page border; or it was lost, and the one there does not follow.
    guard condition == .foreign || condition == .endOfFile, border > position.offset else {
      return try decide(condition, frame, at: position.offset)
    }
    let (conditionAtBorder, frameAtBorder) = try examine(at: border)
    return try decide(conditionAtBorder, frameAtBorder, at: border)
  }

  /// - Parameter place: where this was found.
  private func decide(
    _ condition: FrameCondition, _ frame: Frame?, at place: UInt64
  ) throws(StorageError) -> Frame? {
    let evidence: FrameEvidence
    if knownEnd != nil {
      evidence = .beforeEnd
    } else if condition == .valid {
      evidence = .none
    } else {
      evidence = try laterFrameVouches(for: position.offset) ? .marked : .none
    }
    switch FrameVerdict.of(condition, evidence) {
    case .take:
      guard let frame else { return nil }
      advance(past: frame)
      return frame
    case .end: return nil
    case .damaged: throw damage(condition, at: place)
    }
  }

  /// Goes back to where nobody vouches any more, to read again what is behind.
  func rewindToDurableEnd() {
    position = durableEnd
    nextSequence = 0
    unvouched = []
  }

  private func advance(past frame: Frame) {
    // (A slice of them would still be held when the next is appended, and cost a copy of all.)
    let vouched = unvouched.firstIndex { $0.end > frame.header.durableThrough } ?? unvouched.count
    if vouched > 0 {
      durableEnd.offset = unvouched[vouched - 1].end
      durableEnd.checksum = unvouched[vouched - 1].checksum
      unvouched.removeFirst(vouched)
    }
    position.offset = frame.end
    position.checksum = frame.checksum
    unvouched.append((frame.end, frame.checksum))
  }

  private func examine(at offset: UInt64) throws(StorageError) -> (FrameCondition, Frame?) {
    guard let bytes = try window.read(file, at: offset, count: FrameHeader.bytes, fileSize: size) else {
      return (.endOfFile, nil)
    }
    guard let found = FrameHeader(decoding: bytes, salt: header.salt) else { return (.foreign, nil) }
    guard found.offset == offset else { return (.misplaced, nil) }
    guard found.previousChecksum == position.checksum else { return (.unchained, nil) }
    guard found.payloadBytes <= FrameFile.greatestPayloadBytes else { return (.malformed, nil) }
    guard let frameEnd = found.end, let payloadBytes = Int(exactly: found.payloadBytes),
      let whole = try window.read(file, at: offset, count: FrameHeader.bytes + payloadBytes, fileSize: size)
    else { return (.incomplete, nil) }
    let payload = UnsafeRawBufferPointer(rebasing: whole[FrameHeader.bytes...])
    guard CRC32C.checksum(payload) == found.payloadChecksum else { return (.damagedPayload, nil) }
    guard isWellFormed(found), knownEnd.map({ frameEnd <= $0.offset }) ?? true else {
      return (.malformed, nil)
    }
    let checksum = UInt32(littleEndian: whole.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
    return (.valid, Frame(header: found, checksum: checksum, payload: payload, end: frameEnd))
  }

  private func isWellFormed(_ found: FrameHeader) -> Bool {
    guard found.durableThrough <= found.offset, found.firstSequence <= EntryTrailer.firstOwnSequence else {
      return false
    }
    guard found.firstSequence >= nextSequence else { return false }
    nextSequence = found.firstSequence
    return switch (purpose, found.kind) {
    case (.log, .group), (.log, .carried): found.batchCount > 0
    case (_, .seal): found.batchCount == 0 && found.payloadBytes == 0
    case (.log, .ingest): found.batchCount > 0 && found.payloadBytes == 0
    case (.manifest, .edit): found.batchCount == 1
    case (.log, .edit), (.manifest, .group), (.manifest, .carried), (.manifest, .ingest): false
    }
  }

  /// Whether a frame further on says that `offset` had been synced.
  private func laterFrameVouches(for offset: UInt64) throws(StorageError) -> Bool {
    var candidate = FrameFile.roundedUp(offset + 1)
    while let bytes = try window.read(file, at: candidate, count: FrameHeader.bytes, fileSize: size) {
      if let found = FrameHeader(decoding: bytes, salt: header.salt), found.offset == candidate,
        found.durableThrough > offset
      {
        return true
      }
      candidate += UInt64(FrameFile.pageBytes)
    }
    return false
  }

  private func damage(_ condition: FrameCondition, at offset: UInt64) -> StorageError {
    let what =
      switch condition {
      case .valid, .endOfFile: "ends too early"
      case .foreign: "holds no frame where one had been synced"
      case .incomplete, .damagedPayload: "holds a damaged frame that had been synced"
      case .misplaced: "holds a frame that belongs elsewhere"
      case .unchained: "holds a frame that does not follow the one before it"
      case .malformed: "holds a frame that no writer writes"
      }
    return StorageError(
      .corruption,
      "the file \(what): acknowledged commits from here on are lost or changed; restore it from a backup",
      file: file.path, offset: offset)
  }
}
