import CairnKV

/// The work of ``SegmentBuilder``, as a struct: a class would have every access to each of these fields
/// checked for exclusivity while the program runs, which costs more than an entry's encoding.
struct SegmentEncoder: ~Copyable {
  /// Blocks are gathered into writes of about this size.
  private static let writeBytes = 512 << 10
  private static let keptBytes = 2 * writeBytes
  /// When of the first blocks fewer than one in so many are worth compressing, the others are not tried.
  private static let leastCompressedShare = 8

  private let file: any File
  private let identity: SegmentIdentity
  private let options: SegmentOptions
  private let compressor: BlockCompressor?

  private var block = BlockBuilder()
  private var index = BlockBuilder()
  /// The first blocks, from which the dictionary is made that they and all others are then compressed with.
  private var sample: BlockSample?
  private var isDictionaryUsed = false
  private var compressedBlockCount = 0
  /// Whether the blocks of entries are worth trying.
  private var compressesEntries = true
  private var filters: FilterBuilder
  private var payload = AppendBuffer(capacity: 8192)
  private var pending: AppendBuffer
  private var writtenBytes: UInt64 = 0
  private var writeback = Writeback()
  private var tombstones: [RangeTombstone] = []
  private var lastTrailer = EntryTrailer.newest
  private var properties: SegmentProperties
  private var isFinished = false

  /// The key of the last entry added; `nil` before the first.
  private(set) var lastKey: [UInt8]?

  init(file: any File, fileNumber: UInt64, salt: UInt64, options: SegmentOptions) {
    self.file = file
    identity = SegmentIdentity(fileNumber: fileNumber, salt: salt)
    self.options = options
    compressor = options.compressionLevel.map { BlockCompressor(level: $0) }
    if compressor != nil { sample = BlockSample() }
    properties = SegmentProperties(fileNumber: fileNumber)
    filters = FilterBuilder(rule: options.prefixRule)
    pending = AppendBuffer(capacity: Self.keptBytes)
  }

  /// About how long the file would be if it ended here.
  var estimatedSize: UInt64 {
    let parts =
      block.estimatedBytes + index.estimatedBytes + filters.encodedBytes + SegmentFormat.footerBytes + 256
    return writtenBytes + UInt64(pending.count + parts + (sample?.payloads.count ?? 0))
  }

  /// Whether the last entry added has this key.
  @inline(__always)
  func endsWith(_ key: UnsafeRawBufferPointer) -> Bool {
    lastKey?.withUnsafeBytes { EntryOrder.compare($0, key) == 0 } ?? false
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
    if let lastKey {
      let last = lastTrailer
      let order = lastKey.withUnsafeBytes { EntryOrder.compare($0, last, key, trailer) }
      guard order < 0 else { throw misuse("does not sort after the one before it") }
    } else {
      properties.lowerBound = [UInt8](key)
      lastKey = []
    }

    let entryBytes = key.count + value.count + 16
    if !block.isEmpty && block.estimatedBytes + entryBytes > options.blockBytes { try finishBlock() }
    block.add(key: key, trailer, value: value)
    filters.add(key)

    lastKey?.removeAll(keepingCapacity: true)
    lastKey?.append(contentsOf: key)
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
    guard lastKey != nil || !tombstones.isEmpty else {
      throw StorageError(
        .invalidArgument, "A segment must hold an entry or a range removal.", file: file.path)
    }
    isFinished = true
    if !block.isEmpty { try finishBlock() }
    try writeSample()
    var dictionaryPlace: SegmentFooter.Place?
    if let dictionary = compressor?.dictionary, isDictionaryUsed {
      dictionaryPlace = try write(dictionary.bytes, compressing: false)
    }
    compressor?.dictionary = nil
    if let lastKey { properties.upperBound = .inclusive(lastKey) }
    tombstones.sort(by: RangeRemovalBlock.precedes)
    for (number, tombstone) in tombstones.enumerated() {
      properties.cover(tombstone, isFirst: number == 0 && lastKey == nil)
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
    if lastKey != nil { filtersPlace = try write(filters.encoded(), compressing: false) }
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
    if sample == nil {
      return note(try write(payload.bytes, compressing: compressesEntries), firstKey, firstTrailer)
    }
    sample?.add(payload.bytes, firstKey, firstTrailer)
    if let sample, sample.payloads.count >= CompressionDictionary.sampleBytes { try writeSample() }
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

  /// Makes the dictionary, if the blocks that were gathered yield one, and writes them.
  private mutating func writeSample() throws(StorageError) {
    guard let blocks = sample, let compressor, let level = options.compressionLevel else { return }
    sample = nil
    compressor.dictionary = CompressionDictionary.make(
      of: blocks.payloads.bytes, lengths: blocks.lengths, bytes: options.dictionaryBytes, level: level
    ).flatMap { DictionaryForCompression($0, level: level) }
    try blocks.visit { (payload, first) throws(StorageError) in
      note(try write(payload), first.key, first.trailer)
    }
    // Trying costs as much as succeeding, several times what all the rest of a block does.
    compressesEntries = compressedBlockCount >= blocks.lengths.count / Self.leastCompressedShare
  }

  /// Appends a block to the file, compressed where that pays.
  private mutating func write(
    _ payload: UnsafeRawBufferPointer, compressing: Bool = true
  ) throws(StorageError) -> SegmentFooter.Place {
    guard payload.count <= SegmentFormat.longestPayload else {
      throw StorageError(.invalidArgument, "A part of a segment would exceed 2 GiB.", file: file.path)
    }
    let offset = writtenBytes + UInt64(pending.count)
    let compressed = compressing ? compressor?.compress(payload) : nil
    let stored = compressed ?? payload
    var compression = StoredBlock.Compression.none
    if compressed != nil {
      compression = compressor?.dictionary == nil ? .zstd : .zstdWithDictionary
      compressedBlockCount += 1
      if compression == .zstdWithDictionary { isDictionaryUsed = true }
    }
    let trailer = StoredBlock.trailer(
      stored: stored, compression: compression, payloadBytes: payload.count,
      offset: offset, identity: identity)
    pending.append(stored)
    trailer.withUnsafeBytes { pending.append($0) }
    if pending.count >= Self.writeBytes { try flush() }
    return SegmentFooter.Place(offset: offset, storedBytes: UInt64(stored.count))
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
