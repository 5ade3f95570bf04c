import CairnKV

/// Everything of a segment but its data blocks, read and checked when it is opened.
struct SegmentParts {
  let footer: SegmentFooter
  let properties: SegmentProperties
  let rangeTombstones: [RangeTombstone]
  let filters: SegmentFilters?
  let index: Block
  let dictionary: DictionaryForDecompression?

  /// - Parameter sequenceBase: what is added to every sequence number.
  init(
    file: any File, fileBytes: UInt64, fileNumber: UInt64, sequenceBase: UInt64, cache: BlockCache
  ) throws(StorageError) {
    footer = try Self.readFooter(file, fileBytes: fileBytes, fileNumber: fileNumber)
    let identity = footer.identity

    func damaged(_ what: String, at place: SegmentFooter.Place) -> StorageError {
      StorageError(.corruption, what, file: file.path, offset: place.offset)
    }
    let propertiesBytes = try StoredBlock.read(
      footer.properties, of: file, identity: identity, decompressor: cache.decompressor,
      whatItHolds: "properties")
    guard
      let properties = SegmentProperties(
        UnsafeRawBufferPointer(propertiesBytes.memory), fileBytes: fileBytes, sequenceBase: sequenceBase),
      properties.fileNumber == fileNumber, (properties.tombstoneCount > 0) == (footer.rangeRemovals != nil)
    else { throw damaged("The properties of the segment are malformed.", at: footer.properties) }
    self.properties = properties

    if let place = footer.dictionary {
      guard place.storedBytes <= UInt64(CompressionDictionary.greatestBytes) else {
        throw damaged("The dictionary of the segment is longer than any can be.", at: place)
      }
      let bytes = try StoredBlock.read(
        place, of: file, identity: identity, decompressor: cache.decompressor, whatItHolds: "the dictionary")
      guard bytes.memory.count <= CompressionDictionary.greatestBytes,
        let dictionary = DictionaryForDecompression(UnsafeRawBufferPointer(bytes.memory))
      else { throw damaged("The dictionary of the segment is none.", at: place) }
      self.dictionary = dictionary
    } else {
      dictionary = nil
    }

    if let place = footer.rangeRemovals {
      let bytes = try StoredBlock.read(
        place, of: file, identity: identity, decompressor: cache.decompressor, whatItHolds: "range removals")
      guard
        let tombstones = RangeRemovalBlock.decode(
          UnsafeRawBufferPointer(bytes.memory), sequenceBase: sequenceBase),
        UInt64(tombstones.count) == properties.tombstoneCount
      else { throw damaged("The range removals of the segment are malformed.", at: place) }
      rangeTombstones = tombstones
    } else {
      rangeTombstones = []
    }

    if let place = footer.filters {
      let bytes = try StoredBlock.read(
        place, of: file, identity: identity, decompressor: cache.decompressor, whatItHolds: "filters")
      guard properties.entryCount > 0, let filters = SegmentFilters(UnsafeRawBufferPointer(bytes.memory))
      else { throw damaged("The filters of the segment are malformed.", at: place) }
      self.filters = filters
    } else {
      filters = nil
    }

    let indexBytes = try StoredBlock.read(
      footer.index, of: file, identity: identity, decompressor: cache.decompressor, whatItHolds: "the index")
    guard
      let index = Block.make(
        UnsafeRawBufferPointer(indexBytes.memory), isIndex: true, sequenceBase: sequenceBase),
      UInt64(index.view.count) == properties.blockCount,
      (properties.blockCount > 0) == (properties.entryCount > 0),
      Self.tilesTheData(index.view, dataBytes: footer.dataBytes)
    else { throw damaged("The index of the segment is malformed.", at: footer.index) }
    // With these within the bounds only the last block can reach beyond them, and is looked at when it is loaded.
    guard Self.isWithinBounds(index.view, properties) else {
      throw damaged(
        "The index of the segment names a key that is not within the segment's bounds.", at: footer.index)
    }
    self.index = index
  }

  /// Reads and checks the footer of a file of so many bytes.
  static func readFooter(
    _ file: any File, fileBytes: UInt64, fileNumber: UInt64
  ) throws(StorageError) -> SegmentFooter {
    let length = UInt64(SegmentFormat.footerBytes)
    guard fileBytes >= length else {
      throw StorageError(
        .corruption, "The segment is cut off: it has \(fileBytes) bytes, fewer than its footer.",
        file: file.path,
        offset: 0)
    }
    let bytes = OwnedBytes(count: SegmentFormat.footerBytes)
    guard try file.read(into: bytes.memory, at: fileBytes - length) == SegmentFormat.footerBytes else {
      throw StorageError(
        .corruption, "The segment became shorter while it was opened.", file: file.path,
        offset: fileBytes - length)
    }
    return try SegmentFooter(
      UnsafeRawBufferPointer(bytes.memory), at: fileBytes - length, fileNumber: fileNumber, file: file.path)
  }

  /// Whether the keys that the index names are those of a segment with these properties.
  private static func isWithinBounds(_ index: BlockView, _ properties: SegmentProperties) -> Bool {
    index.count == 0
      || properties.mayContain(index.key(at: 0)) && properties.mayContain(index.key(at: index.count - 1))
  }

  /// Whether the blocks that the index names follow each other from the file's beginning to the index.
  static func tilesTheData(_ index: BlockView, dataBytes: UInt64) -> Bool {
    var end: UInt64 = 0
    for number in 0..<index.count {
      var reader = ByteReader(index.entry(at: number).value)
      guard let offset = reader.readVarint(), let storedBytes = reader.readVarint(), reader.isAtEnd,
        offset == end, let next = SegmentFooter.Place(offset: offset, storedBytes: storedBytes).end
      else { return false }
      end = next
    }
    return end == dataBytes
  }

  /// The place in the value of an index entry, which ``tilesTheData(_:dataBytes:)`` has found to be one.
  @inline(__always)
  static func place(_ value: UnsafeRawBufferPointer) -> SegmentFooter.Place {
    var reader = ByteReader(value)
    guard let offset = reader.readVarint(), let storedBytes = reader.readVarint() else {
      return SegmentFooter.Place(offset: .max, storedBytes: .max)
    }
    return SegmentFooter.Place(offset: offset, storedBytes: storedBytes)
  }
}
