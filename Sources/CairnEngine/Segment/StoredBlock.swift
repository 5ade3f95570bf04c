import CairnKV

/// How a block stands in the file, whatever it holds:
///
///     stored bytes │ u8 compression │ u32 payload length │ u32 checksum
///
/// The checksum covers the stored bytes, the five bytes after them, and then file number, salt and the
/// block's offset, which are not stored with it. So a block read from the wrong place fails.
enum StoredBlock {
  enum Compression: UInt8 {
    case none = 0
    case zstd = 1
    /// With the segment's dictionary.
    case zstdWithDictionary = 2
  }

  /// What follows the stored bytes.
  static func trailer(
    stored: UnsafeRawBufferPointer, compression: Compression, payloadBytes: Int, offset: UInt64,
    identity: SegmentIdentity
  ) -> [UInt8] {
    var bytes = [compression.rawValue]
    bytes.append(littleEndian: UInt32(truncatingIfNeeded: payloadBytes))
    let checksum = bytes.withUnsafeBytes { identity.checksum(at: offset, stored, $0) }
    bytes.append(littleEndian: checksum)
    return bytes
  }

  /// Reads, checks and unfolds the block at `place`, whose end the caller has checked to be within the file.
  static func read(
    _ place: SegmentFooter.Place, of file: any File, identity: SegmentIdentity,
    decompressor: BlockDecompressor, dictionary: DictionaryForDecompression? = nil, whatItHolds: String
  ) throws(StorageError) -> OwnedBytes {
    try unfold(
      load(place, of: file, identity: identity, whatItHolds: whatItHolds), from: place, of: file,
      decompressor: decompressor, dictionary: dictionary, whatItHolds: whatItHolds)
  }

  /// Reads the block at `place` with its trailer, and checks its checksum alone.
  static func load(
    _ place: SegmentFooter.Place, of file: any File, identity: SegmentIdentity, whatItHolds: String
  ) throws(StorageError) -> OwnedBytes {
    func damaged(_ what: String) -> StorageError {
      StorageError(.corruption, "A block of \(whatItHolds) \(what).", file: file.path, offset: place.offset)
    }
    guard place.storedBytes <= UInt64(SegmentFormat.longestPayload) else {
      throw damaged("is said to be longer than any can be")
    }
    let storedBytes = Int(place.storedBytes)
    let whole = OwnedBytes(count: storedBytes + SegmentFormat.blockTrailerBytes)
    guard try file.read(into: whole.memory, at: place.offset) == whole.memory.count else {
      throw damaged("lies past the end of the file")
    }
    let bytes = UnsafeRawBufferPointer(whole.memory)
    let stored = UnsafeRawBufferPointer(rebasing: bytes[..<storedBytes])
    let checksum = identity.checksum(
      at: place.offset, stored, UnsafeRawBufferPointer(rebasing: bytes[storedBytes..<storedBytes + 5]))
    guard
      checksum == UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: storedBytes + 5, as: UInt32.self))
    else { throw damaged("fails its checksum") }
    return whole
  }

  /// What a block holds that was found to have its checksum.
  /// - Parameter whole: the block with its trailer, from `place`.
  static func unfold(
    _ whole: consuming OwnedBytes, from place: SegmentFooter.Place, of file: any File,
    decompressor: BlockDecompressor, dictionary: DictionaryForDecompression?, whatItHolds: String
  ) throws(StorageError) -> OwnedBytes {
    func damaged(_ what: String) -> StorageError {
      StorageError(.corruption, "A block of \(whatItHolds) \(what).", file: file.path, offset: place.offset)
    }
    let storedBytes = whole.memory.count - SegmentFormat.blockTrailerBytes
    let bytes = UnsafeRawBufferPointer(whole.memory)
    let stored = UnsafeRawBufferPointer(rebasing: bytes[..<storedBytes])
    let payloadBytes = Int(
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: storedBytes + 1, as: UInt32.self)))
    let compression = Compression(rawValue: bytes[storedBytes])
    switch compression {
    case .none?:
      guard payloadBytes == storedBytes else { throw damaged("has two lengths") }
      return whole.shortened(by: SegmentFormat.blockTrailerBytes)
    case .zstd?, .zstdWithDictionary?:
      let needed = compression == .zstd ? nil : dictionary
      guard compression == .zstd || needed != nil else {
        throw damaged("needs a dictionary that the segment does not have")
      }
      guard payloadBytes <= SegmentFormat.longestPayload,
        payloadBytes <= BlockCompressor.greatestPayload(forStored: storedBytes),
        BlockDecompressor.isFrame(stored, of: payloadBytes)
      else { throw damaged("is not the zstd frame that it should be") }
      let payload = OwnedBytes(count: payloadBytes)
      guard decompressor.decompress(stored, into: payload.memory, needed) else {
        throw damaged("cannot be decompressed")
      }
      return payload
    case nil:
      throw damaged("has the unknown compression \(bytes[storedBytes])")
    }
  }
}

/// Memory with one owner, who frees it or hands it on.
///
/// Invariant: `memory` lies at the start of an allocation that nobody else will free.
struct OwnedBytes: ~Copyable {
  let memory: UnsafeMutableRawBufferPointer

  init(count: Int) {
    memory = .allocate(byteCount: count, alignment: 8)
  }

  private init(adopting memory: UnsafeMutableRawBufferPointer) {
    self.memory = memory
  }

  deinit { memory.deallocate() }

  /// The same memory, less `count` bytes at its end.
  consuming func shortened(by count: Int) -> OwnedBytes {
    let shorter = UnsafeMutableRawBufferPointer(rebasing: memory[..<(memory.count - count)])
    discard self
    return OwnedBytes(adopting: shorter)
  }

  /// The memory, which the caller now has to free.
  consuming func release() -> UnsafeMutableRawBufferPointer {
    let memory = memory
    discard self
    return memory
  }
}
