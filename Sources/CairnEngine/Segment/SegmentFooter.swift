import CairnKV

/// The last 128 bytes of a segment: where everything else is.
///
///       0  u64  file number                  64  8 zero bytes (bytes 64 to 67: the key id of encryption)
///       8  u64  salt                         72  u64  filters offset
///      16  u64  index offset                 80  u64  filters stored length
///      24  u64  index stored length          88  u64  dictionary offset
///      32  u64  range removals offset        96  u64  dictionary stored length
///                                           104  8 zero bytes
///                                           112  u32  checksum
///      40  u64  range removals stored length
///      48  u64  properties offset           116  u32  format version
///      56  u64  properties stored length    120  "CAIRNSEG"
///
/// Version and magic come last, where a later version's footer of another size has them too.
struct SegmentFooter: Hashable, Sendable {
  /// A block's place: its offset, and its stored length without the block trailer.
  struct Place: Hashable, Sendable {
    var offset: UInt64
    var storedBytes: UInt64

    /// Where the block trailer ends; `nil` for numbers that no file has.
    var end: UInt64? {
      let (sum, overflow) = offset.addingReportingOverflow(storedBytes)
      let (end, again) = sum.addingReportingOverflow(UInt64(SegmentFormat.blockTrailerBytes))
      return overflow || again ? nil : end
    }
  }

  var identity: SegmentIdentity
  var index: Place
  /// `nil` when the segment has no range removals; written as two zeros.
  var rangeRemovals: Place?
  /// `nil` when the segment has no filters; written as two zeros.
  var filters: Place?
  var properties: Place
  /// `nil` when no block refers to a dictionary; written as two zeros.
  var dictionary: Place?

  /// Where the data blocks end.
  var dataBytes: UInt64 { dictionary?.offset ?? index.offset }

  init(
    identity: SegmentIdentity, index: Place, rangeRemovals: Place?, filters: Place?, properties: Place,
    dictionary: Place? = nil
  ) {
    self.dictionary = dictionary
    self.identity = identity
    self.index = index
    self.rangeRemovals = rangeRemovals
    self.filters = filters
    self.properties = properties
  }

  func encoded(at offset: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(SegmentFormat.footerBytes)
    bytes.append(littleEndian: identity.fileNumber)
    bytes.append(littleEndian: identity.salt)
    let absent = Place(offset: 0, storedBytes: 0)
    for place in [index, rangeRemovals ?? absent, properties] { bytes.append(place) }
    bytes.append(contentsOf: repeatElement(0, count: 8))
    bytes.append(filters ?? absent)
    bytes.append(dictionary ?? absent)
    bytes.append(contentsOf: repeatElement(0, count: 8))
    bytes.append(littleEndian: UInt32(0))
    bytes.append(littleEndian: SegmentFormat.version)
    bytes.append(contentsOf: SegmentFormat.magic)
    let checksum = bytes.withUnsafeBytes { Self.checksum($0, identity, at: offset) }
    bytes.overwrite(at: 112, littleEndian: checksum)
    return bytes
  }

  /// Decodes the footer that begins at `offset` of `file`, and checks that the places it names tile the file.
  init(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, fileNumber: UInt64, file: String)
    throws(StorageError)
  {
    func damaged(_ what: String) -> StorageError {
      StorageError(.corruption, "The footer of the segment \(what).", file: file, offset: offset)
    }
    guard bytes.count == SegmentFormat.footerBytes, bytes[120...].elementsEqual(SegmentFormat.magic) else {
      throw damaged("is missing: the file is cut off or is not a segment")
    }
    let version = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 116, as: UInt32.self))
    guard version == SegmentFormat.version else {
      throw StorageError(
        .unsupportedFormat,
        "The segment has format version \(version); this program reads version \(SegmentFormat.version).",
        file: file, offset: offset + 116)
    }
    let numbers = (0..<13).map {
      UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self))
    }
    identity = SegmentIdentity(fileNumber: numbers[0], salt: numbers[1])
    index = Place(offset: numbers[2], storedBytes: numbers[3])
    rangeRemovals =
      numbers[4] == 0 && numbers[5] == 0 ? nil : Place(offset: numbers[4], storedBytes: numbers[5])
    filters = numbers[9] == 0 && numbers[10] == 0 ? nil : Place(offset: numbers[9], storedBytes: numbers[10])
    properties = Place(offset: numbers[6], storedBytes: numbers[7])
    dictionary =
      numbers[11] == 0 && numbers[12] == 0 ? nil : Place(offset: numbers[11], storedBytes: numbers[12])
    let checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 112, as: UInt32.self))
    guard checksum == Self.checksum(bytes, identity, at: offset) else {
      throw damaged("fails its checksum")
    }
    guard identity.fileNumber == fileNumber else {
      throw damaged("belongs to file number \(identity.fileNumber), not \(fileNumber)")
    }
    guard bytes[64..<72].allSatisfy({ $0 == 0 }), bytes[104..<112].allSatisfy({ $0 == 0 }) else {
      throw damaged("has reserved bytes that are not zero: a newer program wrote it")
    }
    guard Self.end(of: [dictionary, index, rangeRemovals, filters, properties].compactMap(\.self)) == offset
    else {
      throw damaged("names places that do not add up to the file")
    }
  }

  /// Where the last place ends; `nil` when not each begins where the one before it ends.
  private static func end(of places: [Place]) -> UInt64? {
    var end = places.first?.offset
    for place in places {
      guard place.offset == end else { return nil }
      end = place.end
    }
    return end
  }

  private static func checksum(
    _ bytes: UnsafeRawBufferPointer, _ identity: SegmentIdentity, at offset: UInt64
  ) -> UInt32 {
    identity.checksum(
      at: offset, UnsafeRawBufferPointer(rebasing: bytes[..<112]),
      UnsafeRawBufferPointer(rebasing: bytes[116...]))
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ place: SegmentFooter.Place) {
    append(littleEndian: place.offset)
    append(littleEndian: place.storedBytes)
  }
}
