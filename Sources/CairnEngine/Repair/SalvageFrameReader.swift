import CairnKV

/// Reads a log from front to back as ``FrameReader`` does, but goes on behind damage: with the next frame of
/// this life of the file that is whole, wherever it begins.
///
/// Where the content ends is decided by the same evidence: what nobody vouches for is no loss.
final class SalvageFrameReader {
  enum Finding {
    case frame(FrameReader.Frame)
    /// Nothing from here to the next frame, or to the end, is a frame that could be read, though something
    /// had been synced there.
    case gap(at: UInt64)
  }

  let header: FrameFileHeader
  private let file: any File
  private let size: UInt64
  private let end: FrameFileHeader.End?
  private let window = ReadWindow()
  private var position: UInt64
  private var checksum: UInt32
  /// Whether a gap was told just now, so that the next frame need not follow anything.
  private var isBehindGap = false
  private var greatestMark: UInt64?
  /// How much may be read in search of frames: with headers that claim long payloads one could keep a reader
  /// busy for the square of the file's length.
  private var searchBudget: UInt64

  /// - Parameter end: where the file's successor says that it ended; `nil` for the newest file.
  init(_ file: any File, end: FrameFileHeader.End?) throws(StorageError) {
    self.file = file
    size = try file.size()
    guard let page = try window.read(file, at: 0, count: FrameFile.pageBytes, fileSize: size) else {
      throw StorageError(
        .corruption, "the log is shorter than its header page", file: file.path, offset: size)
    }
    header = try FrameFileHeader(decoding: page, file: file.path, purpose: .log)
    self.end = end?.number == header.number ? end : nil
    position = UInt64(FrameFile.pageBytes)
    checksum = FrameFileHeader.checksum(ofEncoded: page)
    searchBudget = 64 << 20 + 8 * min(size, 1 << 50)
  }

  /// The next finding; `nil` where the content ends.
  func next() throws(StorageError) -> Finding? {
    if let end, position >= end.offset { return nil }
    for place in [position, FrameFile.roundedUp(position)] {
      guard let frame = try frame(at: place) else { continue }
      if isBehindGap || frame.header.previousChecksum == checksum { return take(frame) }
      break
    }
    guard try isVouchedFor() else { return nil }
    let start = position
    isBehindGap = true
    try moveToNextFrame()
    return .gap(at: start)
  }

  private func take(_ frame: FrameReader.Frame) -> Finding {
    isBehindGap = false
    position = frame.end
    checksum = frame.checksum
    return .frame(frame)
  }

  /// Moves to where the next whole frame begins, or to the end.
  private func moveToNextFrame() throws(StorageError) {
    let limit = min(end?.offset ?? size, size)
    let cell = UInt64(FrameFile.cellBytes)
    position += cell
    while position < limit {
      if try frame(at: position) != nil { return }
      if searchBudget == 0 { break }
      position += cell
    }
    position = max(end?.offset ?? size, position)
  }

  /// A frame of this life of the file that begins here and is whole, whatever it follows.
  private func frame(at offset: UInt64) throws(StorageError) -> FrameReader.Frame? {
    guard let bytes = try window.read(file, at: offset, count: FrameHeader.bytes, fileSize: size),
      let found = FrameHeader(decoding: bytes, salt: header.salt), found.offset == offset,
      found.payloadBytes <= FrameFile.greatestPayloadBytes, let frameEnd = found.end,
      let payloadBytes = Int(exactly: found.payloadBytes), end.map({ frameEnd <= $0.offset }) ?? true,
      found.durableThrough <= offset, searchBudget > 0
    else { return nil }
    searchBudget -= min(searchBudget, found.payloadBytes + UInt64(FrameHeader.bytes))
    guard
      let whole = try window.read(file, at: offset, count: FrameHeader.bytes + payloadBytes, fileSize: size)
    else { return nil }
    let payload = UnsafeRawBufferPointer(rebasing: whole[FrameHeader.bytes...])
    guard CRC32C.checksum(payload) == found.payloadChecksum else { return nil }
    let checksum = UInt32(littleEndian: whole.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
    return FrameReader.Frame(header: found, checksum: checksum, payload: payload, end: frameEnd)
  }

  /// Whether somebody says that what stands here had been synced: the successor, or a frame further on.
  private func isVouchedFor() throws(StorageError) -> Bool {
    if end != nil { return true }
    if let greatestMark { return greatestMark > position }
    var greatest: UInt64 = 0
    var border = UInt64(FrameFile.pageBytes)
    while let bytes = try window.read(file, at: border, count: FrameHeader.bytes, fileSize: size) {
      // No mark is past its own frame: so a mark past some offset stands behind it.
      if let found = FrameHeader(decoding: bytes, salt: header.salt), found.offset == border,
        found.durableThrough <= border
      {
        greatest = max(greatest, found.durableThrough)
      }
      border += UInt64(FrameFile.pageBytes)
    }
    greatestMark = greatest
    return greatest > position
  }
}
