import CairnKV

/// Appends frames to a frame file. Used by one thread at a time.
///
/// A page once synced is never written again, so a sync that is torn can harm no frame that an earlier one covers.
/// Frames that ask for no sync share pages: else each of many small commits would fill one. (To write the newest
/// frame again with more in it would do with fewer headers, but a process that is killed meanwhile might tear what
/// it had been told was written.)
/// After any error the writer refuses everything: what a failed write or sync left on the disk is not
/// known, and a second try would only seem to succeed (the system marks the lost pages clean).
final class FrameWriter: @unchecked Sendable {
  private(set) var file: any File
  let header: FrameFileHeader
  /// How many bytes had been written to the file beforehand: up to here a sync changes no metadata.
  let capacity: UInt64

  /// Behind which the next frame goes, and the checksum that it names.
  private(set) var end: FrameFileHeader.End
  private var durableThrough: UInt64
  private var isHeaderDurable = false
  /// Up to here the disk has room for the file.
  private var reservedThrough: UInt64

  private static let reserveAheadBytes: UInt64 = 64 << 10
  /// With so much behind it that is not synced, a frame is synced after what is behind it, and vouches for that: what
  /// nobody vouches for is copied by the next opening.
  private static let leastVouchedBytes: UInt64 = 1 << 20

  private var failure: StorageError?
  private let latch: FailureLatch
  private let buffer: FrameBuffer

  /// Takes over a file whose header page is `header`, written but not synced, and which holds no frame yet.
  init(
    _ file: any File, header: FrameFileHeader, headerChecksum: UInt32, capacity: UInt64, latch: FailureLatch,
    buffer: FrameBuffer
  ) {
    self.file = file
    self.header = header
    self.capacity = capacity
    self.latch = latch
    self.buffer = buffer
    durableThrough = UInt64(FrameFile.pageBytes)
    reservedThrough = capacity
    end = .init(number: header.number, offset: durableThrough, checksum: headerChecksum)
  }

  /// Whether a frame stands at the end that no later one vouches for.
  private(set) var needsSeal = false

  /// Whether the header page and everything appended has been synced.
  var isSynchronized: Bool { isHeaderDurable && durableThrough == end.offset }

  /// Goes on in the same file, opened under another name: what goes wrong later is told of the name that it has then.
  /// Everything must be synced: a new handle is told of no earlier failure.
  func `continue`(in file: any File) { self.file = file }

  /// Sees to it that a frame with a payload of so many bytes finds room on the disk, so that running out of space
  /// is found before anything was done that cannot be taken back.
  func reserve(payloadBytes: Int) throws(StorageError) {
    let needed = FrameFile.roundedUp(
      FrameFile.roundedUp(end.offset) + UInt64(FrameHeader.bytes + payloadBytes))
    if needed <= reservedThrough { return }
    let target = needed + Self.reserveAheadBytes
    try file.preallocate(target)
    reservedThrough = target
  }

  /// Whether the next frame would begin where the file was not written before.
  var isFull: Bool { FrameFile.roundedUp(end.offset) >= capacity }

  /// Whether one more page needs no more space.
  var hasRoomForSeal: Bool {
    FrameFile.roundedUp(end.offset) + UInt64(FrameFile.pageBytes) <= reservedThrough
  }

  /// Writes the buffer's payload as one frame behind the last one.
  /// - Parameter synchronizing: Whether the frame, and so all before it, is to be durable when this returns. If
  ///   not, it is durable with the next that is, or ``synchronize()``.
  func append(
    _ kind: FrameKind, firstSequence: UInt64, batchCount: UInt32, synchronizing: Bool = false
  ) throws(StorageError) {
    if let failure { throw failure }
    if synchronizing && end.offset - durableThrough >= Self.leastVouchedBytes { try synchronize() }
    // Only what is written through is durable then, so there must be nothing before it that is not.
    let writesThrough = synchronizing && isSynchronized
    // A page of which anything is synced is not touched again.
    let start = durableThrough == end.offset ? FrameFile.roundedUp(end.offset) : end.offset
    let payload = buffer.payload
    let frame = FrameHeader(
      salt: header.salt, offset: start, payloadBytes: UInt64(payload.count),
      firstSequence: firstSequence,
      durableThrough: durableThrough, previousChecksum: end.checksum,
      payloadChecksum: CRC32C.checksum(payload),
      batchCount: batchCount, kind: kind)
    // Straight to the disk go whole pages.
    let (bytes, checksum) = buffer.seal(
      with: frame, upTo: writesThrough ? FrameFile.pageBytes : FrameFile.cellBytes)
    do throws(StorageError) {
      if writesThrough {
        try latch.synchronize { () throws(StorageError) in try file.writeThrough(bytes, at: start) }
      } else {
        try file.write(bytes, at: start)
      }
    } catch {
      failure = error
      throw error
    }
    needsSeal = kind != .seal
    end.offset = FrameFile.roundedUp(
      start + UInt64(FrameHeader.bytes + payload.count), to: FrameFile.cellBytes)
    end.checksum = checksum
    if writesThrough { durableThrough = end.offset } else if synchronizing { try synchronize() }
  }

  /// Makes the header page, and everything appended so far, durable.
  func synchronize() throws(StorageError) {
    if let failure { throw failure }
    if isSynchronized { return }
    do throws(StorageError) {
      try latch.synchronize { () throws(StorageError) in try file.synchronize() }
    } catch {
      failure = error
      throw error
    }
    durableThrough = end.offset
    isHeaderDurable = true
  }

  /// Vouches for the frames before it: without it, damage to the last frame of a closed file could not be
  /// told from a frame that was never synced.
  func appendSeal(nextSequence: UInt64) throws(StorageError) {
    try synchronize()
    guard needsSeal else { return }
    buffer.removeAll()
    try append(.seal, firstSequence: nextSequence, batchCount: 0, synchronizing: true)
  }
}
