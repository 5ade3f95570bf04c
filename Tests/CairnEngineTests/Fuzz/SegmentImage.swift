import CairnKV
import FuzzKit

@testable import CairnEngine

/// A segment in parts: each can be changed, and the file put together again with the places and checksums that a writer
/// would give it.
struct SegmentImage {
  struct Part {
    var payload: [UInt8]
    /// As in the block's trailer.
    var compression: UInt8
    /// What stands in the file for the payload; `nil` once that was changed.
    var stored: [UInt8]?
    /// What the trailer says of the length, where it lies.
    var saidBytes: UInt32?
    var keepsChecksum = false
  }

  /// An entry of the index but for the place, which is computed.
  struct Head {
    var trailer: UInt64
    var key: [UInt8]
  }

  enum PartName: CaseIterable {
    case dictionary, index, removals, filters, properties
  }

  let number: UInt64
  let salt: UInt64
  var data: [Part] = []
  var heads: [Head] = []
  var parts: [PartName: Part] = [:]
  /// The index as it stands, in the place of the one that is computed from `heads`.
  private var givenIndex: [UInt8]?
  /// Put over the footer before it is signed.
  private var footerChanges: [(offset: Int, number: UInt64)] = []

  /// - Parameter bytes: a valid segment.
  init(_ bytes: [UInt8], number: UInt64) throws {
    self.number = number
    let file = MemoryFile(bytes)
    let cache = BlockCache(capacityBytes: 1 << 16)
    let whole = try SegmentParts(
      file: file, fileBytes: UInt64(bytes.count), fileNumber: number, sequenceBase: 0, cache: cache)
    let footer = whole.footer
    salt = footer.identity.salt
    func part(_ place: SegmentFooter.Place) throws -> Part {
      let payload = try StoredBlock.read(
        place, of: file, identity: footer.identity, decompressor: cache.decompressor,
        dictionary: whole.dictionary, whatItHolds: "")
      let end = Int(place.offset + place.storedBytes)
      return Part(
        payload: [UInt8](UnsafeRawBufferPointer(payload.memory)), compression: bytes[end],
        stored: Array(bytes[Int(place.offset)..<end]))
    }
    for index in 0..<whole.index.view.count {
      let entry = whole.index.view.entry(at: index)
      heads.append(Head(trailer: entry.trailer.rawValue, key: whole.index.view.key(at: index)))
      data.append(try part(SegmentParts.place(entry.value)))
    }
    withExtendedLifetime(whole.index) {}
    parts[.dictionary] = try footer.dictionary.map(part)
    parts[.removals] = try footer.rangeRemovals.map(part)
    parts[.filters] = try footer.filters.map(part)
    parts[.properties] = try part(footer.properties)
    parts[.index] = Part(payload: [], compression: 0)
  }

  // MARK: Changing

  mutating func change(with other: SegmentImage, using random: inout FuzzRandom) {
    switch random.below(16) {
    case 0: rearrange(with: other, using: &random)
    case 1: footerChanges.append((8 * random.below(14), Mutation.edge(near: 1000, using: &random)))
    case 2: changeIndex(using: &random)
    case 3: if !heads.isEmpty { changeHead(using: &random) }
    case 4:
      let name = PartName.allCases[random.below(PartName.allCases.count)]
      parts[name] = random.chance(1, in: 2) ? nil : other.parts[name]
    case 5, 6, 7, 8:
      guard let name = Array(parts.keys).sorted(by: { "\($0)" < "\($1)" }).any(using: &random), name != .index
      else { return }
      changePart(&parts[name, default: Part(payload: [], compression: 0)], other.parts[name], using: &random)
    default:
      guard !data.isEmpty else { return }
      let index = random.below(data.count)
      changePart(&data[index], other.data.any(using: &random), using: &random)
      // The index mostly says what the block begins with now.
      if random.chance(7, in: 8), let head = Self.head(of: data[index].payload) { heads[index] = head }
    }
  }

  private func changePart(_ part: inout Part, _ other: Part?, using random: inout FuzzRandom) {
    switch random.below(12) {
    case 0:
      var stored = part.stored ?? part.payload
      Mutation.change(&stored, with: other?.stored ?? [], using: &random)
      part.stored = stored
      // Of an uncompressed block this is the payload.
      if part.compression == 0 { part.payload = stored }
    case 1: part.compression = UInt8(random.below(4))
    case 2:
      part.saidBytes = UInt32(truncatingIfNeeded: Mutation.edge(near: part.payload.count, using: &random))
    case 3: part.keepsChecksum = true
    default:
      Mutation.change(&part.payload, with: other?.payload ?? [], using: &random)
      part.stored = nil
    }
  }

  private mutating func changeHead(using random: inout FuzzRandom) {
    let index = random.below(heads.count)
    if random.chance(1, in: 2) {
      heads[index].trailer = Mutation.edge(near: 1000, using: &random)
    } else {
      Mutation.change(&heads[index].key, using: &random)
    }
  }

  private mutating func changeIndex(using random: inout FuzzRandom) {
    var index = encodedIndex(lengths: data.map { ($0.stored ?? $0.payload).count })
    Mutation.change(&index, using: &random)
    givenIndex = index
  }

  private mutating func rearrange(with other: SegmentImage, using random: inout FuzzRandom) {
    var pairs = Array(zip(data, heads))
    Mutation.rearrange(&pairs, with: Array(zip(other.data, other.heads)), using: &random)
    (data, heads) = (pairs.map(\.0), pairs.map(\.1))
    if random.chance(7, in: 8), var properties = parts[.properties], properties.payload.count >= 44 {
      properties.payload.overwrite(at: 36, littleEndian: UInt64(data.count))
      properties.stored = nil
      parts[.properties] = properties
    }
  }

  /// The first entry of a payload that may be none.
  private static func head(of payload: [UInt8]) -> Head? {
    payload.withUnsafeBytes { bytes in
      var reader = ByteReader(bytes)
      guard reader.readInteger(UInt32.self) != nil,
        let prefix = reader.readLengthPrefixed(limit: StorageLimits.keyBytes),
        let trailer = reader.readInteger(UInt64.self), let suffixLength = reader.readVarint(),
        reader.readVarint() != nil, suffixLength <= UInt64(reader.remaining),
        let suffix = reader.readBytes(Int(suffixLength))
      else { return nil }
      return Head(trailer: trailer, key: [UInt8](prefix) + [UInt8](suffix))
    }
  }

  // MARK: Putting together

  private func encodedIndex(lengths: [Int]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt32(heads.count))
    bytes.append(0)
    var offset = 0
    for (head, length) in zip(heads, lengths) {
      let value = Mutation.varint(UInt64(offset)) + Mutation.varint(UInt64(length))
      bytes.append(littleEndian: head.trailer)
      bytes.append(varint: UInt64(head.key.count))
      bytes.append(varint: UInt64(value.count))
      bytes += head.key + value
      offset += length + SegmentFormat.blockTrailerBytes
    }
    return bytes
  }

  func encoded() -> [UInt8] {
    let identity = SegmentIdentity(fileNumber: number, salt: salt)
    var bytes: [UInt8] = []
    func append(_ part: Part) -> SegmentFooter.Place {
      let place = SegmentFooter.Place(
        offset: UInt64(bytes.count), storedBytes: UInt64((part.stored ?? part.payload).count))
      // A payload that was changed stands there as it is, whatever it was before.
      let compression = part.stored == nil && part.compression < 3 ? 0 : part.compression
      let stored = part.stored ?? part.payload
      var trailer = [compression]
      trailer.append(littleEndian: part.saidBytes ?? UInt32(part.payload.count))
      let checksum = stored.withUnsafeBytes { stored in
        trailer.withUnsafeBytes { identity.checksum(at: place.offset, stored, $0) }
      }
      trailer.append(littleEndian: part.keepsChecksum ? checksum ^ 1 : checksum)
      bytes += stored + trailer
      return place
    }
    let places = data.map(append)
    let dictionary = parts[.dictionary].map(append)
    let index = append(
      Part(
        payload: givenIndex ?? encodedIndex(lengths: places.map { Int($0.storedBytes) }), compression: 0))
    let removals = parts[.removals].map(append)
    let filters = parts[.filters].map(append)
    let properties = append(parts[.properties] ?? Part(payload: [], compression: 0))
    let footerOffset = bytes.count
    var footer = SegmentFooter(
      identity: identity, index: index, rangeRemovals: removals, filters: filters, properties: properties,
      dictionary: dictionary
    ).encoded(at: UInt64(footerOffset))
    for change in footerChanges { footer.overwrite(at: change.offset, littleEndian: change.number) }
    if !footerChanges.isEmpty { Self.sign(&footer, at: UInt64(footerOffset)) }
    return bytes + footer
  }

  /// Gives a footer, of a segment or of a value file, the checksum of what it says.
  static func sign(_ footer: inout [UInt8], at offset: UInt64) {
    let identity = SegmentIdentity(fileNumber: footer.fuzzNumber(at: 0), salt: footer.fuzzNumber(at: 8))
    let checksum = footer.withUnsafeBytes {
      identity.checksum(
        at: offset, UnsafeRawBufferPointer(rebasing: $0[..<112]), UnsafeRawBufferPointer(rebasing: $0[116...])
      )
    }
    footer.overwrite(at: 112, littleEndian: checksum)
  }
}
