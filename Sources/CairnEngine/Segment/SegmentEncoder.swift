import CairnKV

/// The work of ``SegmentBuilder``, as a struct: a class would have every access to each of these fields
/// checked for exclusivity while the program runs, which costs more than an entry's encoding.
struct SegmentEncoder: ~Copyable {
  /// Blocks are gathered into writes of about this size.
  private static let writeBytes = 512 << 10
  private static let keptBytes = 2 * writeBytes

  private let file: any File
  private let identity: SegmentIdentity
  private let options: SegmentOptions
  /// For what is not an entry.
  private let compressor: BlockCompressor?

  private var block = BlockBuilder()
  private var index = BlockBuilder()
  private var pipeline: BlockPipeline
  private var isDictionaryUsed = false
  private var filters: FilterBuilder
  private var payload = AppendBuffer(capacity: 8192)
  private var pending: AppendBuffer
  private var writtenBytes: UInt64 = 0
  private var writeback = Writeback()
  private var tombstones: [RangeTombstone] = []
  private var lastTrailer = EntryTrailer.newest
  private var properties: SegmentProperties
  private var isFinished = false

  private var hasEntry = false
  private var lastKeyBytes = AppendBuffer(capacity: 64)

  /// The key of the last entry added; `nil` before the first.
  var lastKey: [UInt8]? { hasEntry ? [UInt8](lastKeyBytes.bytes) : nil }

  init(
    file: any File, fileNumber: UInt64, salt: UInt64, options: SegmentOptions, helper: CompressionThread?
  ) {
    self.file = file
    identity = SegmentIdentity(fileNumber: fileNumber, salt: salt)
    self.options = options
    compressor = options.compressionLevel.map { BlockCompressor(level: $0) }
    pipeline = BlockPipeline(options, helper: helper)
    properties = SegmentProperties(fileNumber: fileNumber)
    filters = FilterBuilder(rule: options.prefixRule)
    pending = AppendBuffer(capacity: Self.keptBytes)
  }

  /// About how long the file would be if it ended here.
  var estimatedSize: UInt64 {
    let parts =
      block.estimatedBytes + index.estimatedBytes + filters.encodedBytes + SegmentFormat.footerBytes + 256
    return writtenBytes + UInt64(pending.count + parts + pipeline.unwrittenBytes)
  }

  /// Whether the last entry added has this key.
  @inline(__always)
  func endsWith(_ key: UnsafeRawBufferPointer) -> Bool {
    hasEntry && EntryOrder.compare(lastKeyBytes.bytes, key) == 0
  }

  /// Adds the next entry. It must sort after the last one; a removal's value must be empty.
  mutating func add(
    key: UnsafeRawBufferPointer, trailer: EntryTrailer, value: UnsafeRawBufferPointer
  ) throws(StorageError) {
    guard !isFinished else { throw misuse("is added after the segment's end") }
    guard key.count <= StorageLimits.keyBytes else {
      throw StorageError(
        .keyTooLong, "A key of \(key.count) bytes is longer than any may be.", file: file.path)
    }
    guard value.count <= StorageLimits.valueBytes else {
      throw StorageError(
        .valueTooLarge, "A value of \(value.count) bytes is larger than any may be.", file: file.path)
    }
    guard let kind = trailer.kind else { throw misuse("is of no known kind") }
    guard Block.isPossible(kind, value) else { throw misuse("is of a kind that cannot have its value") }
    if hasEntry {
      guard EntryOrder.compare(lastKeyBytes.bytes, lastTrailer, key, trailer) < 0 else {
        throw misuse("does not sort after the one before it")
      }
    } else {
      properties.lowerBound = [UInt8](key)
      hasEntry = true
    }

    let entryBytes = key.count + value.count + 16
    if !block.isEmpty && block.estimatedBytes + entryBytes > options.blockBytes { try finishBlock() }
    block.add(key: key, trailer, value: value)
    filters.add(key)

    lastKeyBytes.replaceContents(with: key)
    lastTrailer = trailer
    switch kind {
    case .value: properties.valueCount += 1
    case .removal: properties.removalCount += 1
    case .handle:
      properties.valueCount += 1
      properties.referencedBytes &+= ValueHandle(decoding: value)?.storedBytes ?? 0
    }
    properties.smallestSequence = min(properties.smallestSequence, trailer.sequence)
    properties.largestSequence = max(properties.largestSequence, trailer.sequence)
    properties.rawKeyBytes &+= UInt64(key.count)
    properties.rawValueBytes &+= UInt64(value.count)
  }

  mutating func noteSuperseded() { properties.supersededCount += 1 }

  /// Adds a range removal, at any time. One of an empty range removes nothing and is left out.
  mutating func add(_ tombstone: RangeTombstone) throws(StorageError) {
    guard !isFinished else { throw misuse("is added after the segment's end") }
    guard tombstone.lower.count <= SegmentFormat.longestBound,
      (tombstone.upper?.count ?? 0) <= SegmentFormat.longestBound
    else {
      throw StorageError(
        .keyTooLong, "The bound of a range removal is longer than any may be.", file: file.path)
    }
    guard tombstone.sequence <= EntryTrailer.greatestStoredSequence else {
      throw misuse("has too large a sequence")
    }
    if !RangeRemovalBlock.isEmpty(tombstone) { tombstones.append(tombstone) }
  }

  /// Writes what remains and describes the segment. The caller then syncs the file.
  mutating func finish() throws(StorageError) -> SegmentProperties {
    guard !isFinished else { throw misuse("is added after the segment's end") }
    guard hasEntry || !tombstones.isEmpty else {
      throw StorageError(
        .invalidArgument, "A segment must hold an entry or a range removal.", file: file.path)
    }
    isFinished = true
    if !block.isEmpty { try finishBlock() }
    try writeBlocks(isEnd: true)
    var dictionaryPlace: SegmentFooter.Place?
    if let dictionary = pipeline.dictionary, isDictionaryUsed {
      dictionaryPlace = try write(dictionary.bytes, compressing: false)
    }
    if let lastKey { properties.upperBound = .inclusive(lastKey) }
    tombstones.sort(by: RangeRemovalBlock.precedes)
    for (number, tombstone) in tombstones.enumerated() {
      properties.cover(tombstone, isFirst: number == 0 && !hasEntry)
    }

    guard index.estimatedBytes <= SegmentFormat.longestPayload / 2 else {
      throw StorageError(
        .invalidArgument, "A segment's index would exceed 1 GiB: write smaller segments.", file: file.path)
    }
    index.finish(into: &payload)
    let indexPlace = try write(payload.bytes)
    var rangePlace: SegmentFooter.Place?
    if !tombstones.isEmpty { rangePlace = try write(RangeRemovalBlock.encode(tombstones)) }
    var filtersPlace: SegmentFooter.Place?
    if hasEntry { filtersPlace = try write(filters.encoded(), compressing: false) }
    let propertiesPlace = try write(properties.encoded())
    let footer = SegmentFooter(
      identity: identity, index: indexPlace, rangeRemovals: rangePlace, filters: filtersPlace,
      properties: propertiesPlace, dictionary: dictionaryPlace)
    footer.encoded(at: writtenBytes + UInt64(pending.count)).withUnsafeBytes { pending.append($0) }
    try flush()
    properties.fileBytes = writtenBytes
    return properties
  }

  private mutating func finishBlock() throws(StorageError) {
    let firstKey = [UInt8](block.first.key)
    let firstTrailer = block.first.trailer
    block.finish(into: &payload)
    properties.blockCount += 1
    if pipeline.isBypassed {
      return note(try append(payload.bytes, .none, payloadBytes: payload.count), firstKey, firstTrailer)
    }
    pipeline.add(payload.bytes, firstKey, firstTrailer)
    try writeBlocks(isEnd: false)
  }

  /// Writes the blocks that the pipeline is ready to hand out.
  private mutating func writeBlocks(isEnd: Bool) throws(StorageError) {
    while let run = pipeline.next(isEnd: isEnd) {
      try run.visit { (block, stored) throws(StorageError) in
        var compression = StoredBlock.Compression.none
        if block.compressedBytes > 0 {
          compression = pipeline.dictionary == nil ? .zstd : .zstdWithDictionary
          if compression == .zstdWithDictionary { isDictionaryUsed = true }
        }
        note(
          try append(stored, compression, payloadBytes: block.payloadBytes), block.key, block.trailer)
      }
      pipeline.reuse(run)
    }
  }

  /// Adds a block to the index.
  private mutating func note(_ place: SegmentFooter.Place, _ firstKey: [UInt8], _ firstTrailer: EntryTrailer)
  {
    var value: [UInt8] = []
    value.append(varint: place.offset)
    value.append(varint: place.storedBytes)
    firstKey.withUnsafeBytes { key in
      value.withUnsafeBytes { index.add(key: key, firstTrailer, value: $0) }
    }
  }

  /// Appends what is stored of a block to the file.
  private mutating func append(
    _ stored: UnsafeRawBufferPointer, _ compression: StoredBlock.Compression, payloadBytes: Int
  ) throws(StorageError) -> SegmentFooter.Place {
    guard payloadBytes <= SegmentFormat.longestPayload else {
      throw StorageError(.invalidArgument, "A part of a segment would exceed 2 GiB.", file: file.path)
    }
    let offset = writtenBytes + UInt64(pending.count)
    let trailer = StoredBlock.trailer(
      stored: stored, compression: compression, payloadBytes: payloadBytes,
      offset: offset, identity: identity)
    pending.append(stored)
    trailer.withUnsafeBytes { pending.append($0) }
    if pending.count >= Self.writeBytes { try flush() }
    return SegmentFooter.Place(offset: offset, storedBytes: UInt64(stored.count))
  }

  /// Appends a block that is not of entries, compressed where that pays.
  private mutating func write(
    _ payload: UnsafeRawBufferPointer, compressing: Bool = true
  ) throws(StorageError) -> SegmentFooter.Place {
    if compressing, let compressed = compressor?.compress(payload) {
      return try append(compressed, .zstd, payloadBytes: payload.count)
    }
    return try append(payload, .none, payloadBytes: payload.count)
  }

  private mutating func write(
    _ payload: [UInt8], compressing: Bool = true
  ) throws(StorageError) -> SegmentFooter.Place {
    self.payload.removeAll(keeping: Self.keptBytes)
    payload.withUnsafeBytes { self.payload.append($0) }
    return try write(self.payload.bytes, compressing: compressing)
  }

  private mutating func flush() throws(StorageError) {
    try file.write(pending.bytes, at: writtenBytes)
    writtenBytes += UInt64(pending.count)
    try writeback.advance(to: writtenBytes, in: file)
    pending.removeAll(keeping: Self.keptBytes)
  }

  private func misuse(_ what: String) -> StorageError {
    StorageError(.invalidArgument, "An entry \(what).", file: file.path)
  }
}
