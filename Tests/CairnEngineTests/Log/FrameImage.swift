import CairnKV
import Testing

@testable import CairnEngine

/// A frame file in memory, written by the engine's own writer and then changed at will.
struct FrameImage {
  static let page = UInt64(FrameFile.pageBytes)

  let file: MemoryFile
  let header: FrameFileHeader
  let writer: FrameWriter
  private let buffer = FrameBuffer()

  init(salt: UInt64 = 77, number: UInt64 = 5, in file: MemoryFile = MemoryFile(path: "image.log")) throws {
    self.file = file
    header = FrameFileHeader(purpose: .log, number: number, salt: salt, predecessor: nil)
    let page = header.encoded()
    try file.writeBytes(page, at: 0)
    writer = FrameWriter(
      file, header: header, headerChecksum: page.withUnsafeBytes { FrameFileHeader.checksum(ofEncoded: $0) },
      capacity: 0, latch: FailureLatch(), buffer: buffer)
  }

  /// Appends a commit group's frame of `count` bytes of payload.
  func append(
    _ count: Int, sequence: UInt64, batches: UInt32 = 1, synchronizing: Bool = false
  ) throws {
    buffer.removeAll()
    [UInt8](repeating: UInt8(truncatingIfNeeded: sequence), count: count).withUnsafeBytes {
      buffer.append($0)
    }
    try writer.append(
      .group, firstSequence: sequence, batchCount: batches, synchronizing: synchronizing)
    buffer.removeAll()
  }

  /// A frame that nothing is wrong with, if the caller leaves it so, at the writer's end or at the page border behind.
  func nextFrame(payload: [UInt8], sequence: UInt64, sharingPage: Bool = true) -> FrameHeader {
    FrameHeader(
      salt: header.salt, offset: sharingPage ? writer.end.offset : FrameFile.roundedUp(writer.end.offset),
      payloadBytes: UInt64(payload.count),
      firstSequence: sequence, durableThrough: Self.page, previousChecksum: writer.end.checksum,
      payloadChecksum: payload.withUnsafeBytes { CRC32C.checksum($0) }, batchCount: 1, kind: .group)
  }

  /// Writes a frame by hand, with zeros up to the page border.
  func put(_ frame: FrameHeader, payload: [UInt8] = [], at offset: UInt64) throws {
    var bytes = frame.encoded() + payload
    bytes += [UInt8](repeating: 0, count: Int(FrameFile.roundedUp(UInt64(bytes.count))) - bytes.count)
    try file.writeBytes(bytes, at: offset)
  }

  /// A seal at `offset` that says everything before `mark` had been synced.
  func putSeal(at offset: UInt64, marking mark: UInt64) throws {
    var seal = nextFrame(payload: [], sequence: 1000)
    seal.offset = offset
    seal.durableThrough = mark
    seal.batchCount = 0
    seal.kind = .seal
    try put(seal, at: offset)
  }
}
