import CairnKV

/// The last 128 bytes of a value file.
///
///       0  u64  file number            32  80 zero bytes (bytes 64 to 67: the key id of encryption)
///       8  u64  salt                  112  u32  checksum
///      16  u64  index offset          116  u32  format version
///      24  u64  record count          120  "CAIRNVAL"
///
/// Version and magic come last, where a later version's footer of another size has them too.
struct ValueFileFooter: Hashable, Sendable {
  var identity: SegmentIdentity
  var indexOffset: UInt64
  var recordCount: UInt64

  init(identity: SegmentIdentity, indexOffset: UInt64, recordCount: UInt64) {
    self.identity = identity
    self.indexOffset = indexOffset
    self.recordCount = recordCount
  }

  func encoded(at offset: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(ValueFileFormat.footerBytes)
    for number in [identity.fileNumber, identity.salt, indexOffset, recordCount] {
      bytes.append(littleEndian: number)
    }
    bytes.append(contentsOf: repeatElement(0, count: 80))
    bytes.append(littleEndian: UInt32(0))
    bytes.append(littleEndian: ValueFileFormat.version)
    bytes.append(contentsOf: ValueFileFormat.magic)
    let checksum = bytes.withUnsafeBytes { Self.checksum($0, identity, at: offset) }
    bytes.overwrite(at: 112, littleEndian: checksum)
    return bytes
  }

  /// Decodes the footer that begins at `offset` of `file`, and checks that there is room for exactly the
  /// index before it.
  init(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, fileNumber: UInt64, file: String)
    throws(StorageError)
  {
    func damaged(_ what: String) -> StorageError {
      StorageError(.corruption, "The footer of the value file \(what).", file: file, offset: offset)
    }
    guard bytes.count == ValueFileFormat.footerBytes, bytes[120...].elementsEqual(ValueFileFormat.magic)
    else { throw damaged("is missing: the file is cut off or is not a value file") }
    let version = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 116, as: UInt32.self))
    guard version == ValueFileFormat.version else {
      let known = ValueFileFormat.version
      throw StorageError(
        .unsupportedFormat,
        "The value file has format version \(version); this program reads version \(known).", file: file,
        offset: offset + 116)
    }
    func number(_ position: Int) -> UInt64 {
      UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    }
    identity = SegmentIdentity(fileNumber: number(0), salt: number(8))
    indexOffset = number(16)
    recordCount = number(24)
    let checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 112, as: UInt32.self))
    guard checksum == Self.checksum(bytes, identity, at: offset) else {
      throw damaged("fails its checksum")
    }
    guard identity.fileNumber == fileNumber else {
      throw damaged("belongs to file number \(identity.fileNumber), not \(fileNumber)")
    }
    guard bytes[32..<112].allSatisfy({ $0 == 0 }) else {
      throw damaged("has reserved bytes that are not zero: a newer program wrote it")
    }
    let checksumBytes = UInt64(ValueFileFormat.checksumBytes)
    let entryBytes = UInt64(ValueFileFormat.indexEntryBytes)
    guard recordCount > 0, indexOffset <= offset, offset - indexOffset >= checksumBytes,
      (offset - indexOffset - checksumBytes).isMultiple(of: entryBytes),
      (offset - indexOffset - checksumBytes) / entryBytes == recordCount
    else { throw damaged("names an index that does not fit the file") }
  }

  private static func checksum(
    _ bytes: UnsafeRawBufferPointer, _ identity: SegmentIdentity, at offset: UInt64
  ) -> UInt32 {
    identity.checksum(
      at: offset, UnsafeRawBufferPointer(rebasing: bytes[..<112]),
      UnsafeRawBufferPointer(rebasing: bytes[116...]))
  }
}

extension ValueFileFooter {
  /// Reads and checks the footer of a file of so many bytes.
  init(of file: any File, bytes fileBytes: UInt64, fileNumber: UInt64) throws(StorageError) {
    let length = UInt64(ValueFileFormat.footerBytes)
    guard fileBytes >= length else {
      throw StorageError(
        .corruption, "The value file is cut off: it has \(fileBytes) bytes, fewer than its footer.",
        file: file.path, offset: 0)
    }
    let bytes = OwnedBytes(count: ValueFileFormat.footerBytes)
    guard try file.read(into: bytes.memory, at: fileBytes - length) == ValueFileFormat.footerBytes else {
      throw StorageError(
        .corruption, "The value file became shorter while it was opened.", file: file.path,
        offset: fileBytes - length)
    }
    try self.init(
      UnsafeRawBufferPointer(bytes.memory), at: fileBytes - length, fileNumber: fileNumber, file: file.path)
  }
}
