@testable import CairnEngine

/// A segment whose parts can be changed and given checksums that fit, as `format-spec.md` defines them.
struct ForgedSegment {
  var bytes: [UInt8]
  /// Each block with its block trailer.
  let dataPlaces: [Range<Int>]
  let places: [Range<Int>]
  let footerOffset: Int
  let salt: UInt64

  init(_ bytes: [UInt8]) throws {
    let reader = try SegmentReader(bytes)
    self.bytes = bytes
    footerOffset = bytes.count - SegmentFormat.footerBytes
    let footer = footerOffset
    func number(_ offset: Int) -> Int {
      bytes.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: footer + offset, as: UInt64.self)) }
    }
    salt = UInt64(number(8))
    dataPlaces = (0..<reader.index.count).map {
      let place = SegmentParts.place(reader.index.entry(at: $0).value)
      return Int(place.offset)..<Int(place.offset + place.storedBytes) + SegmentFormat.blockTrailerBytes
    }
    places =
      dataPlaces
      + [16, 32, 48, 72].map { number($0)..<number($0) + number($0 + 8) + SegmentFormat.blockTrailerBytes }
  }

  /// The block whose place stands at `offset` of the footer, with its block trailer.
  func place(at offset: Int) -> Range<Int> {
    let numbers = [0, 8].map { delta in
      bytes.withUnsafeBytes {
        Int($0.loadUnaligned(fromByteOffset: footerOffset + offset + delta, as: UInt64.self))
      }
    }
    return numbers[0]..<numbers[0] + numbers[1] + SegmentFormat.blockTrailerBytes
  }

  mutating func sign(_ place: Range<Int>) {
    var covered = Array(bytes[place.dropLast(4)])
    for number in [SegmentModel.fileNumber, salt, UInt64(place.lowerBound)] {
      covered.append(littleEndian: number)
    }
    bytes.overwrite(at: place.upperBound - 4, littleEndian: covered.withUnsafeBytes { CRC32C.checksum($0) })
  }

  mutating func signFooter() {
    var covered = Array(bytes[footerOffset..<footerOffset + 112] + bytes[(footerOffset + 116)...])
    covered += bytes[footerOffset..<footerOffset + 16]
    covered.append(littleEndian: UInt64(footerOffset))
    bytes.overwrite(at: footerOffset + 112, littleEndian: covered.withUnsafeBytes { CRC32C.checksum($0) })
  }
}
