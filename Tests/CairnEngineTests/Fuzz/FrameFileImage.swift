import FuzzKit

@testable import CairnEngine

/// A frame file in parts: each can be changed, and the file put together again with the places, the chain and the checksums
/// that a writer would give it.
struct FrameFileImage {
  struct Frame {
    /// As it stood; what is computed is put over it.
    var head: [UInt8]
    var payload: [UInt8]
    /// Whether it begins on a page border.
    var isAtBorder: Bool
    /// Left as they are, because they are what was changed.
    var keepsPlace = false
    var keepsLength = false
    var keepsPayloadChecksum = false
    var keepsChecksum = false
  }

  var page: [UInt8]
  var frames: [Frame] = []
  private let salt: UInt64

  /// - Parameter bytes: a valid file.
  init(_ bytes: [UInt8]) {
    page = Array(bytes[..<FrameFile.pageBytes])
    salt = page.fuzzNumber(at: 24)
    var offset = FrameFile.pageBytes
    while offset + FrameHeader.bytes <= bytes.count {
      let header = bytes[offset...].withUnsafeBytes { FrameHeader(decoding: $0, salt: salt) }
      guard let header, let end = header.end else {
        let border = Int(FrameFile.roundedUp(UInt64(offset + 1)))
        offset = border
        continue
      }
      let start = offset + FrameHeader.bytes
      frames.append(
        Frame(
          head: Array(bytes[offset..<start]), payload: Array(bytes[start..<start + Int(header.payloadBytes)]),
          isAtBorder: offset.isMultiple(of: FrameFile.pageBytes)))
      offset = Int(end)
    }
  }

  /// Changes something.
  mutating func change(with other: FrameFileImage, using random: inout FuzzRandom) {
    switch random.below(12) {
    case 0: changePage(using: &random)
    case 1, 2: Mutation.rearrange(&frames, with: other.frames, using: &random)
    case 3, 4, 5: changeHead(using: &random)
    default: changePayload(with: other, using: &random)
    }
  }

  private mutating func changePage(using random: inout FuzzRandom) {
    var beginning = Array(page[..<64])
    Mutation.change(&beginning, keepingLength: true, using: &random)
    page.replaceSubrange(..<64, with: beginning)
    if random.chance(1, in: 8) { page[64 + random.below(4028)] ^= 1 }
  }

  private mutating func changeHead(using random: inout FuzzRandom) {
    guard !frames.isEmpty else { return }
    let index = random.below(frames.count)
    switch random.below(6) {
    case 0: frames[index].isAtBorder.toggle()
    case 1:
      // A length that lies.
      let length = Mutation.edge(near: frames[index].payload.count, using: &random)
      frames[index].head.overwrite(at: 24, littleEndian: length)
      frames[index].keepsLength = true
    default:
      Mutation.change(&frames[index].head, keepingLength: true, using: &random)
      frames[index].keepsPlace = random.chance(1, in: 8)
      frames[index].keepsChecksum = random.chance(1, in: 16)
    }
  }

  private mutating func changePayload(with other: FrameFileImage, using random: inout FuzzRandom) {
    guard !frames.isEmpty else { return }
    let index = random.below(frames.count)
    Mutation.change(
      &frames[index].payload, with: other.frames.any(using: &random)?.payload ?? [], using: &random)
    frames[index].keepsPayloadChecksum = random.chance(1, in: 16)
  }

  /// - Parameter isSigned: whether the checksum of the header page is computed anew.
  func encoded(isSigned: Bool = true) -> [UInt8] {
    var bytes = page
    if isSigned {
      bytes.overwrite(at: 4092, littleEndian: bytes[..<4092].withUnsafeBytes { CRC32C.checksum($0) })
    }
    let salt: UInt64 = bytes.fuzzNumber(at: 24)
    var chain: UInt32 = bytes.fuzzNumber(at: 4092)
    for frame in frames {
      if frame.isAtBorder { Self.fill(&bytes, to: FrameFile.pageBytes) }
      let offset = bytes.count
      var head = frame.head
      if !frame.keepsPlace {
        head.overwrite(at: 8, littleEndian: salt)
        head.overwrite(at: 16, littleEndian: UInt64(offset))
        head.overwrite(at: 48, littleEndian: chain)
        // The mark of a frame that has moved forwards would be past itself.
        let mark: UInt64 = head.fuzzNumber(at: 40)
        if mark > offset, mark < UInt64(1) << 32 { head.overwrite(at: 40, littleEndian: UInt64(offset)) }
      }
      if !frame.keepsLength { head.overwrite(at: 24, littleEndian: UInt64(frame.payload.count)) }
      if !frame.keepsPayloadChecksum {
        head.overwrite(at: 52, littleEndian: frame.payload.withUnsafeBytes { CRC32C.checksum($0) })
      }
      if !frame.keepsChecksum {
        head.overwrite(at: 4, littleEndian: head.withUnsafeBytes { FrameHeader.checksum(of: $0) })
      }
      chain = head.fuzzNumber(at: 4)
      bytes += head + frame.payload
      Self.fill(&bytes, to: FrameFile.cellBytes)
    }
    Self.fill(&bytes, to: FrameFile.pageBytes)
    return bytes
  }

  private static func fill(_ bytes: inout [UInt8], to unit: Int) {
    bytes.append(contentsOf: repeatElement(0, count: (unit - bytes.count % unit) % unit))
  }
}
