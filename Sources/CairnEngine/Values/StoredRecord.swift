import CairnKV

/// A record whose chunk table was read and checked, and whose chunks can now be read.
///
/// Invariant: `loaded` holds the bytes of the file from `loadedOffset` to the record's end.
struct StoredRecord: ~Copyable {
  let chunks: [ValueChunk]

  private let record: ValueRecord
  private let file: any File
  private let identity: SegmentIdentity
  private let loaded: OwnedBytes
  private let loadedOffset: UInt64

  /// Reads the table of `record`, which is one of the file's index; a short record at once with its chunks.
  init(_ record: ValueRecord, in file: any File, identity: SegmentIdentity) throws(StorageError) {
    func damaged(_ what: String) -> StorageError {
      StorageError(
        .corruption, "Record \(record.name.ordinal) of file \(record.name.origin) \(what).", file: file.path,
        offset: record.offset)
    }
    let tableBytes = ValueFileFormat.tableBytes(rawBytes: record.rawBytes)
    let loadedBytes =
      record.storedBytes <= ValueFileReader.wholeBytes ? Int(record.storedBytes) : tableBytes
    let loaded = OwnedBytes(count: loadedBytes)
    let loadedOffset = record.end - UInt64(loadedBytes)
    guard try file.read(into: loaded.memory, at: loadedOffset) == loadedBytes else {
      throw damaged("lies past the end of the file")
    }
    let table = UnsafeRawBufferPointer(rebasing: loaded.memory[(loadedBytes - tableBytes)...])
    guard let chunks = ValueChunkTable.decode(table, of: record, identity: identity) else {
      throw damaged("has a damaged chunk table")
    }
    self.record = record
    self.file = file
    self.identity = identity
    self.chunks = chunks
    self.loaded = loaded
    self.loadedOffset = loadedOffset
  }

  /// Puts the bytes of one of the chunks, as they are stored, into `output`, which has their length.
  func load(_ chunk: ValueChunk, into output: UnsafeMutableRawBufferPointer) throws(StorageError) {
    if let bytes = loadedBytes(of: chunk) {
      output.copyMemory(from: bytes)
    } else {
      guard try file.read(into: output, at: chunk.offset) == output.count else {
        throw damaged(chunk, "lies past the end of the file")
      }
    }
    try check(UnsafeRawBufferPointer(output), chunk)
  }

  /// Puts what one of the chunks holds into `output`, which has its length.
  func unfold(
    _ chunk: ValueChunk, into output: UnsafeMutableRawBufferPointer, _ decompressor: BlockDecompressor
  ) throws(StorageError) {
    guard chunk.isCompressed else { return try load(chunk, into: output) }
    if let stored = loadedBytes(of: chunk) {
      try check(stored, chunk)
      try unfold(stored, of: chunk, into: output, decompressor)
    } else {
      let stored = OwnedBytes(count: chunk.storedBytes)
      try load(chunk, into: stored.memory)
      try unfold(UnsafeRawBufferPointer(stored.memory), of: chunk, into: output, decompressor)
    }
  }

  private func unfold(
    _ stored: UnsafeRawBufferPointer, of chunk: ValueChunk, into output: UnsafeMutableRawBufferPointer,
    _ decompressor: BlockDecompressor
  ) throws(StorageError) {
    guard BlockDecompressor.isFrame(stored, of: chunk.rawBytes), decompressor.decompress(stored, into: output)
    else { throw damaged(chunk, "is not the zstd frame that it should be") }
  }

  private func loadedBytes(of chunk: ValueChunk) -> UnsafeRawBufferPointer? {
    guard chunk.offset >= loadedOffset else { return nil }
    let start = Int(chunk.offset - loadedOffset)
    return UnsafeRawBufferPointer(rebasing: loaded.memory[start..<start + chunk.storedBytes])
  }

  private func check(_ stored: UnsafeRawBufferPointer, _ chunk: ValueChunk) throws(StorageError) {
    guard ValueChunkTable.checksum(of: stored, at: chunk.offset, identity: identity) == chunk.checksum else {
      throw damaged(chunk, "fails its checksum")
    }
  }

  private func damaged(_ chunk: ValueChunk, _ what: String) -> StorageError {
    StorageError(
      .corruption, "A chunk of record \(record.name.ordinal) of file \(record.name.origin) \(what).",
      file: file.path, offset: chunk.offset)
  }
}
