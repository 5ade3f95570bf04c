import CairnKV

/// Logs and manifests are *frame files*: a header page, then frames, each starting on a page border, or within the
/// page where the one before it ends as long as nothing of that page is synced.
/// Normative in format-spec.md, "Frame files".
enum FrameFile {
  /// The unit of syncing. A synced page is never written again.
  static let pageBytes = 4096
  /// The unit of alignment within a page.
  static let cellBytes = 64
  /// The longest payload: the largest transaction, and what may share its group.
  static let greatestPayloadBytes = UInt64(StorageLimits.transactionBytes) + 16 << 20

  /// What a frame file holds; its first eight bytes say so.
  enum Purpose: UInt64 {
    /// "CAIRNLOG"
    case log = 0x474F_4C4E_5249_4143
    /// "CAIRNMAN"
    case manifest = 0x4E41_4D4E_5249_4143

    /// The versions that this program reads and writes. A log is the same in all versions of a store.
    var formatVersions: ClosedRange<UInt32> {
      switch self {
      case .log: 1...1
      case .manifest: FormatVersion.oldest.rawValue...FormatVersion.newest.rawValue
      }
    }
  }

  /// A salt for a new file. Numbers are not reused, and enter it, so that even a source of randomness that repeats
  /// itself (a machine restored from a snapshot) gives a recycled file another salt than it had before.
  static func salt(_ random: any RandomSource, number: UInt64) -> UInt64 {
    random.next() ^ (number &* 0x9E37_79B9_7F4A_7C15)
  }

  /// The next page border at or after `offset`. Only for offsets that were checked to be far from overflow.
  static func roundedUp(_ offset: UInt64, to unit: Int = pageBytes) -> UInt64 {
    (offset &+ UInt64(unit - 1)) & ~UInt64(unit - 1)
  }
}

/// The first page of a frame file.
///
///      0  u64  purpose ("CAIRNLOG" or "CAIRNMAN")
///      8  u32  format version       12  u32  zero
///     16  u64  file number          24  u64  salt
///     32  u64  predecessor's number, 0 for none
///     40  u64  where the predecessor ended
///     48  u32  checksum of the predecessor's last frame header (of its file header if it has no frame)
///     52  u32  zero                 56  u64  encryption key id, zero: not encrypted
///     64  …    zero
///   4092  u32  CRC-32C of the 4092 bytes before
struct FrameFileHeader: Equatable {
  /// Where an earlier file's valid content ends, and the checksum that it ends with.
  struct End: Equatable {
    var number: UInt64
    var offset: UInt64
    var checksum: UInt32
  }

  var purpose: FrameFile.Purpose
  var number: UInt64
  /// Random. Marks every frame of this life of the file, so that what a recycled file held before is not
  /// taken for it.
  var salt: UInt64
  var predecessor: End?
  /// In a manifest, the store's.
  var formatVersion: UInt32 = 1

  func encoded() -> [UInt8] {
    var page: [UInt8] = []
    page.reserveCapacity(FrameFile.pageBytes)
    page.append(littleEndian: purpose.rawValue)
    page.append(littleEndian: formatVersion)
    page.append(littleEndian: UInt32(0))
    page.append(littleEndian: number)
    page.append(littleEndian: salt)
    page.append(littleEndian: predecessor?.number ?? 0)
    page.append(littleEndian: predecessor?.offset ?? 0)
    page.append(littleEndian: predecessor?.checksum ?? 0)
    page.append(contentsOf: [UInt8](repeating: 0, count: FrameFile.pageBytes - 4 - page.count))
    page.append(littleEndian: page.withUnsafeBytes { CRC32C.checksum($0) })
    return page
  }

  /// The checksum that the first frame names as its predecessor's.
  static func checksum(ofEncoded page: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(littleEndian: page.loadUnaligned(fromByteOffset: FrameFile.pageBytes - 4, as: UInt32.self))
  }

  /// - Parameter page: one page.
  init(decoding page: UnsafeRawBufferPointer, file: String, purpose: FrameFile.Purpose) throws(StorageError) {
    func damaged(_ what: String) -> StorageError {
      StorageError(
        .corruption, "the file header \(what); restore the file from a backup", file: file, offset: 0)
    }
    var reader = ByteReader(page)
    guard page.count == FrameFile.pageBytes, let found = reader.readInteger(UInt64.self),
      let version = reader.readInteger(UInt32.self), let reserved = reader.readInteger(UInt32.self),
      let number = reader.readInteger(UInt64.self), let salt = reader.readInteger(UInt64.self),
      let predecessorNumber = reader.readInteger(UInt64.self),
      let predecessorEnd = reader.readInteger(UInt64.self),
      let predecessorChecksum = reader.readInteger(UInt32.self)
    else { throw damaged("is cut off") }
    guard found == purpose.rawValue else {
      throw damaged("does not begin with the name of this kind of file")
    }
    let body = UnsafeRawBufferPointer(rebasing: page[..<(FrameFile.pageBytes - 4)])
    guard CRC32C.checksum(body) == Self.checksum(ofEncoded: page) else { throw damaged("fails its checksum") }
    let known = purpose.formatVersions
    guard known.contains(version) else {
      throw StorageError(
        .unsupportedFormat,
        "the file has format version \(version), and this program knows \(known.lowerBound) to "
          + "\(known.upperBound); open the store with the version that wrote it, or a later one",
        file: file, offset: 8)
    }
    guard reserved == 0, body[52...].allSatisfy({ $0 == 0 }) else {
      throw StorageError(
        .unsupportedFormat, "the file header uses fields that this program does not know", file: file,
        offset: 52)
    }
    self.purpose = purpose
    self.number = number
    self.salt = salt
    formatVersion = version
    predecessor =
      predecessorNumber == 0
      ? nil : End(number: predecessorNumber, offset: predecessorEnd, checksum: predecessorChecksum)
  }

  init(
    purpose: FrameFile.Purpose, number: UInt64, salt: UInt64, predecessor: End?, formatVersion: UInt32 = 1
  ) {
    self.purpose = purpose
    self.formatVersion = formatVersion
    self.number = number
    self.salt = salt
    self.predecessor = predecessor
  }
}

/// What a frame is for.
enum FrameKind: UInt8 {
  /// A commit group: batches of operations.
  case group = 1
  /// Nothing but a durable-through mark: it vouches for the frames before it.
  case seal = 2
  /// One edit of the manifest.
  case edit = 3
  /// A commit group copied by an opening from the predecessor, where nobody vouched for it. A log that holds
  /// nothing else says nothing new, so that nothing is missing where the manifest does not list it.
  case carried = 4
  /// Sequence numbers that an ingest takes: what they belong to is not in the log. As many as the header says
  /// batches.
  case ingest = 5
}

/// The first 64 bytes of a frame. The payload follows, then zeros up to the next border of 64 bytes at least.
///
///      0  u32  "CFRM"            4  u32  CRC-32C of bytes 8 to 64
///      8  u64  the file's salt  16  u64  this frame's offset in the file
///     24  u64  payload length   32  u64  sequence number of the first operation
///     40  u64  durable-through: everything before this offset was synced when the frame was written
///     48  u32  the previous frame's header checksum (the file header's for the first)
///     52  u32  CRC-32C of the payload
///     56  u32  batches in the payload (of an ingest: sequence numbers)   60  u8  kind   61  3 × zero
struct FrameHeader: Equatable {
  static let bytes = 64
  static let magic: UInt32 = 0x4D52_4643

  var salt: UInt64
  var offset: UInt64
  var payloadBytes: UInt64
  var firstSequence: UInt64
  var durableThrough: UInt64
  var previousChecksum: UInt32
  var payloadChecksum: UInt32
  var batchCount: UInt32
  var kind: FrameKind

  /// Where it ends, with zeros behind; `nil` when the length is absurd.
  var end: UInt64? {
    let (unpadded, overflow) = offset.addingReportingOverflow(payloadBytes)
    guard !overflow, unpadded < UInt64(Int64.max) - 2 * UInt64(FrameFile.pageBytes) else { return nil }
    return FrameFile.roundedUp(unpadded + UInt64(Self.bytes), to: FrameFile.cellBytes)
  }

  /// Puts it into 64 bytes of memory.
  /// - Returns: its checksum, which the next frame names.
  @discardableResult
  func encode(into memory: UnsafeMutableRawPointer) -> UInt32 {
    func put<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
      memory.storeBytes(of: number.littleEndian, toByteOffset: offset, as: Number.self)
    }
    put(Self.magic, at: 0)
    put(salt, at: 8)
    put(offset, at: 16)
    put(payloadBytes, at: 24)
    put(firstSequence, at: 32)
    put(durableThrough, at: 40)
    put(previousChecksum, at: 48)
    put(payloadChecksum, at: 52)
    put(batchCount, at: 56)
    // With the zeros behind it.
    put(UInt32(kind.rawValue), at: 60)
    let checksum = Self.checksum(of: UnsafeRawBufferPointer(start: memory, count: Self.bytes))
    put(checksum, at: 4)
    return checksum
  }

  func encoded() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Self.bytes) { buffer, count in
      guard let memory = buffer.baseAddress else { return }
      encode(into: memory)
      count = Self.bytes
    }
  }

  /// The checksum of an encoded header, computed anew.
  static func checksum(of header: UnsafeRawBufferPointer) -> UInt32 {
    CRC32C.checksum(UnsafeRawBufferPointer(rebasing: header[8..<bytes]))
  }

  /// A header that is whole and belongs to the file with this salt; `nil` for anything else.
  ///
  /// - Parameter bytes: at least 64 bytes.
  init?(decoding bytes: UnsafeRawBufferPointer, salt: UInt64) {
    var reader = ByteReader(bytes)
    guard reader.readInteger(UInt32.self) == Self.magic, let checksum = reader.readInteger(UInt32.self),
      reader.readInteger(UInt64.self) == salt, let offset = reader.readInteger(UInt64.self),
      let payloadBytes = reader.readInteger(UInt64.self), let firstSequence = reader.readInteger(UInt64.self),
      let durableThrough = reader.readInteger(UInt64.self),
      let previousChecksum = reader.readInteger(UInt32.self),
      let payloadChecksum = reader.readInteger(UInt32.self), let batchCount = reader.readInteger(UInt32.self),
      let kindNumber = reader.readInteger(UInt8.self), let reserved = reader.readBytes(3),
      Self.checksum(of: bytes) == checksum, let kind = FrameKind(rawValue: kindNumber),
      reserved.allSatisfy({ $0 == 0 })
    else { return nil }
    self.init(
      salt: salt, offset: offset, payloadBytes: payloadBytes, firstSequence: firstSequence,
      durableThrough: durableThrough, previousChecksum: previousChecksum, payloadChecksum: payloadChecksum,
      batchCount: batchCount, kind: kind)
  }

  init(
    salt: UInt64, offset: UInt64, payloadBytes: UInt64, firstSequence: UInt64, durableThrough: UInt64,
    previousChecksum: UInt32, payloadChecksum: UInt32, batchCount: UInt32, kind: FrameKind
  ) {
    self.salt = salt
    self.offset = offset
    self.payloadBytes = payloadBytes
    self.firstSequence = firstSequence
    self.durableThrough = durableThrough
    self.previousChecksum = previousChecksum
    self.payloadChecksum = payloadChecksum
    self.batchCount = batchCount
    self.kind = kind
  }
}
