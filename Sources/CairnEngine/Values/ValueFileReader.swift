import CairnKV

/// An open value file. The index is in memory; values are read as they are asked for, and not cached.
///
/// Everything that is read is checked before it is used; what fails throws `.corruption` with file and
/// offset. Opening takes less memory than the file is long; reading takes the value's length, which a file
/// can exceed only by what zstd makes of it, and 256 KiB.
final class ValueFileReader: Sendable {
  let properties: ValueFileProperties

  /// A record that is no longer than this is read whole, at the price of one call.
  static let wholeBytes: UInt64 = 16 << 10

  private let file: any File
  private let identity: SegmentIdentity
  private let index: ValueFileIndex
  private let decompressor: BlockDecompressor
  /// The budget that `memoryBytes` are taken from for as long as the reader lives.
  private let budget: BlockCache?
  /// About what the reader keeps in memory: its index, its properties, and the open file.
  let memoryBytes: Int
  private static let fixedBytes = 1024

  /// Opens the value file in `file`, which must have this number.
  init(
    file: any File, fileNumber: UInt64, budget: BlockCache? = nil
  ) throws(StorageError) {
    let fileBytes = try file.size()
    let footer = try ValueFileFooter(of: file, bytes: fileBytes, fileNumber: fileNumber)
    let footerOffset = fileBytes - UInt64(ValueFileFormat.footerBytes)
    let index = try ValueFileIndex(file: file, footer: footer, footerOffset: footerOffset)
    var properties = ValueFileProperties(fileNumber: fileNumber)
    for position in 0..<index.count { properties.count(index[position]) }
    self.properties = properties
    self.file = file
    self.index = index
    decompressor = budget?.decompressor ?? BlockDecompressor()
    identity = footer.identity
    self.budget = budget
    memoryBytes =
      Self.fixedBytes + index.count * ValueFileFormat.indexEntryBytes
      + properties.origins.count * MemoryLayout<ValueFileProperties.Origin>.stride
    budget?.reserve(memoryBytes)
  }

  deinit { budget?.release(memoryBytes) }

  /// Every record, in order.
  var records: some Sequence<ValueRecord> { (0..<index.count).lazy.map { [index] in index[$0] } }

  /// The record of this name.
  /// - Throws: `.corruption` when the file has none.
  func record(_ name: ValueName) throws(StorageError) -> ValueRecord {
    guard let record = index.find(name) else {
      throw StorageError(
        .corruption, "The value file lacks record \(name.ordinal) of file \(name.origin).", file: file.path)
    }
    return record
  }

  /// A whole value.
  func read(_ handle: ValueHandle) throws(StorageError) -> [UInt8] {
    try read(handle, range: 0..<handle.rawBytes)
  }

  /// A piece of a value. Costs the chunks that it touches.
  /// - Throws: `.invalidArgument` for a piece that does not lie within the value, else `.corruption` or what
  ///   reading the file throws.
  func read(_ handle: ValueHandle, range: Range<UInt64>) throws(StorageError) -> [UInt8] {
    let record = try record(of: handle)
    guard range.upperBound <= record.rawBytes else {
      throw StorageError(
        .invalidArgument,
        "The bytes \(range) do not lie within a value of \(record.rawBytes) bytes.", file: file.path)
    }
    let contents = try StoredRecord(record, in: file, identity: identity)
    var failure: StorageError?
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { elements, count in
      do throws(StorageError) {
        try read(
          range, of: contents,
          into: UnsafeMutableRawBufferPointer(
            rebasing: UnsafeMutableRawBufferPointer(elements)[..<range.count]))
        count = range.count
      } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Lends a value to `body` in pieces of at most 128 KiB, in order, each not empty and good only during the
  /// call, for as long as it wants more.
  func forEachPiece(
    _ handle: ValueHandle, _ body: (UnsafeRawBufferPointer) -> ScanStep
  ) throws(StorageError) {
    let contents = try StoredRecord(record(of: handle), in: file, identity: identity)
    let piece = OwnedBytes(count: contents.chunks.first?.rawBytes ?? 0)
    for chunk in contents.chunks {
      let raw = UnsafeMutableRawBufferPointer(rebasing: piece.memory[..<chunk.rawBytes])
      try contents.unfold(chunk, into: raw, decompressor)
      if body(UnsafeRawBufferPointer(raw)) == .stop { return }
    }
  }

  /// Lends the chunks of a record to `body` as they are stored, checked.
  func forEachStoredChunk(
    of record: ValueRecord, _ body: (UnsafeRawBufferPointer) throws(StorageError) -> Void
  ) throws(StorageError) {
    let contents = try StoredRecord(record, in: file, identity: identity)
    let longest = contents.chunks.reduce(0) { max($0, $1.storedBytes) }
    let memory = OwnedBytes(count: longest)
    for chunk in contents.chunks {
      let stored = UnsafeMutableRawBufferPointer(rebasing: memory.memory[..<chunk.storedBytes])
      try contents.load(chunk, into: stored)
      try body(UnsafeRawBufferPointer(stored))
    }
  }

  private func record(of handle: ValueHandle) throws(StorageError) -> ValueRecord {
    let record = try record(handle.name)
    guard record.handle == handle else {
      throw StorageError(
        .corruption,
        "Record \(handle.ordinal) of file \(handle.origin) is not as long as the store says.",
        file: file.path, offset: record.offset)
    }
    return record
  }

  /// `output` has the range's length.
  private func read(
    _ range: Range<UInt64>, of contents: borrowing StoredRecord, into output: UnsafeMutableRawBufferPointer
  ) throws(StorageError) {
    // Within the value, whose length fits an `Int`.
    let wanted = Int(range.lowerBound)..<Int(range.upperBound)
    guard !wanted.isEmpty else { return }
    let first = wanted.lowerBound / ValueFileFormat.chunkBytes
    let last = (wanted.upperBound - 1) / ValueFileFormat.chunkBytes
    for number in first...last {
      let chunk = contents.chunks[number]
      let start = number * ValueFileFormat.chunkBytes
      let part = wanted.clamped(to: start..<start + chunk.rawBytes)
      let place = UnsafeMutableRawBufferPointer(
        rebasing: output[part.lowerBound - wanted.lowerBound..<part.upperBound - wanted.lowerBound])
      if part.count == chunk.rawBytes {
        try contents.unfold(chunk, into: place, decompressor)
      } else {
        let whole = OwnedBytes(count: chunk.rawBytes)
        try contents.unfold(chunk, into: whole.memory, decompressor)
        place.copyMemory(
          from: UnsafeRawBufferPointer(
            rebasing: whole.memory[part.lowerBound - start..<part.upperBound - start]))
      }
    }
  }
}
