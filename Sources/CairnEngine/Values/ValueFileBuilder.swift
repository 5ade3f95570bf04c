import CairnKV

/// Writes a value file: records by ascending name, then ``finish()``.
///
/// Carried records keep their names, which are those of lower file numbers, so they come before the values
/// that are new. Memory stays below 1 MiB and 24 bytes a record, however large the values are: what is not
/// compressed and large goes to the file from the caller's memory.
///
/// Nothing is synced; that is up to the caller, before anything refers to the file. After an error the file
/// is worthless. Not for use from two threads at once.
final class ValueFileBuilder {
  /// Small pieces are gathered into writes of about this size.
  private static let writeBytes = 256 << 10
  private static let keptBytes = 2 * writeBytes
  /// From this length on, what is not compressed is written without being gathered.
  private static let directBytes = 64 << 10
  /// And in pieces of this size, so that none of them is much for the disk at once.
  private static let greatestDirectBytes = 1 << 20

  private let file: any File
  private let identity: SegmentIdentity
  private let compressor: BlockCompressor?
  private let leastCompressedBytes: Int

  private var index = AppendBuffer(capacity: 4096)
  private var pending = AppendBuffer(capacity: keptBytes)
  private var table = ValueChunkTable()
  private var writtenBytes: UInt64 = 0
  private var writeback = Writeback()
  private var properties: ValueFileProperties
  private var lastName: ValueName?
  private var isFinished = false

  init(file: any File, fileNumber: UInt64, salt: UInt64, options: ValueFileOptions) {
    self.file = file
    identity = SegmentIdentity(fileNumber: fileNumber, salt: salt)
    compressor = options.compressionLevel.map { BlockCompressor(level: $0) }
    leastCompressedBytes = options.leastCompressedBytes
    properties = ValueFileProperties(fileNumber: fileNumber)
  }

  /// How long the file would be if it ended here.
  var estimatedSize: UInt64 { properties.fileBytes }

  /// Adds a value under the file's own number.
  /// - Throws: `.valueTooLarge`, `.invalidArgument` after the end, or what writing the file throws.
  func append(_ value: UnsafeRawBufferPointer) throws(StorageError) -> ValueHandle {
    guard value.count <= StorageLimits.valueBytes else {
      throw StorageError(
        .valueTooLarge, "A value of \(value.count) bytes is larger than any may be.", file: file.path)
    }
    let previous = lastName.flatMap { $0.origin == identity.fileNumber ? $0.ordinal : nil }
    let name = ValueName(origin: identity.fileNumber, ordinal: previous.map { $0 &+ 1 } ?? 0)
    let start = try begin(name)
    let compressor = value.count < leastCompressedBytes ? nil : compressor
    // What waits to be written as it is: chunks that follow each other in the value do so in the file.
    var plain = 0..<0
    var position = 0
    while position < value.count {
      let end = min(position + ValueFileFormat.chunkBytes, value.count)
      let chunk = UnsafeRawBufferPointer(rebasing: value[position..<end])
      if let compressed = compressor?.compress(chunk) {
        try write(UnsafeRawBufferPointer(rebasing: value[plain]))
        plain = end..<end
        table.append(stored: compressed, at: offset, identity: identity)
        try write(compressed)
      } else {
        table.append(stored: chunk, at: offset &+ UInt64(plain.count), identity: identity)
        plain = plain.lowerBound..<end
      }
      position = end
    }
    try write(UnsafeRawBufferPointer(rebasing: value[plain]))
    return try end(name, start: start, rawBytes: UInt64(value.count))
  }

  /// Copies a record from another file, under its name and as it is stored there. What is read is checked,
  /// and gets new checksums for its new place.
  /// - Throws: `.corruption` when `reader` has no such record or it is damaged; `.invalidArgument` for a name
  ///   that does not sort after the last one, or one of this file's own.
  func carry(_ name: ValueName, from reader: ValueFileReader) throws(StorageError) -> ValueHandle {
    guard name.origin < identity.fileNumber else { throw misuse("comes from a newer file") }
    let record = try reader.record(name)
    let start = try begin(name)
    try reader.forEachStoredChunk(of: record) { (stored) throws(StorageError) in
      table.append(stored: stored, at: offset, identity: identity)
      try write(stored)
    }
    return try end(name, start: start, rawBytes: record.rawBytes)
  }

  /// Writes what remains and describes the file. The caller then syncs it.
  func finish() throws(StorageError) -> ValueFileProperties {
    guard !isFinished else { throw misuse("is added after the file's end") }
    guard lastName != nil else {
      throw StorageError(.invalidArgument, "A value file must hold a record.", file: file.path)
    }
    isFinished = true
    let indexOffset = offset
    let checksum = identity.checksum(
      at: indexOffset, index.bytes, UnsafeRawBufferPointer(start: nil, count: 0))
    try write(index.bytes)
    pending.append(littleEndian: checksum)
    let footer = ValueFileFooter(
      identity: identity, indexOffset: indexOffset, recordCount: properties.recordCount)
    footer.encoded(at: offset).withUnsafeBytes { pending.append($0) }
    try flush()
    return properties
  }

  // MARK: Records

  /// Begins a record; returns where.
  private func begin(_ name: ValueName) throws(StorageError) -> UInt64 {
    guard !isFinished else { throw misuse("is added after the file's end") }
    guard name.ordinal < UInt32.max, lastName.map({ $0 < name }) ?? true else {
      throw misuse("does not sort after the one before it")
    }
    table.removeAll()
    return offset
  }

  /// Writes the chunk table of a record, and notes the record in the index.
  private func end(
    _ name: ValueName, start: UInt64, rawBytes: UInt64
  ) throws(StorageError) -> ValueHandle {
    table.finish(at: offset, name: name, rawBytes: rawBytes, identity: identity)
    try withBytes(of: table.bytes) { (bytes) throws(StorageError) in try write(bytes) }
    let record = ValueRecord(name: name, offset: start, storedBytes: offset &- start, rawBytes: rawBytes)
    ValueFileIndex.append(record, to: &index)
    properties.count(record)
    lastName = name
    return record.handle
  }

  // MARK: Writing

  /// Where the next byte goes.
  private var offset: UInt64 { writtenBytes &+ UInt64(pending.count) }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
    if bytes.count < Self.directBytes {
      pending.append(bytes)
      if pending.count >= Self.writeBytes { try flush() }
    } else {
      try flush()
      var rest = bytes
      while !rest.isEmpty {
        let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.greatestDirectBytes))
        try file.write(piece, at: writtenBytes)
        writtenBytes &+= UInt64(piece.count)
        try writeback.advance(to: writtenBytes, in: file)
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
      }
    }
  }

  private func flush() throws(StorageError) {
    guard pending.count > 0 else { return }
    try file.write(pending.bytes, at: writtenBytes)
    writtenBytes &+= UInt64(pending.count)
    try writeback.advance(to: writtenBytes, in: file)
    pending.removeAll(keeping: Self.keptBytes)
  }

  private func misuse(_ what: String) -> StorageError {
    StorageError(.invalidArgument, "A record \(what).", file: file.path)
  }
}
