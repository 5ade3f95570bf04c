import CairnKV

/// Verifies one segment. Reads past the block cache, one block at a time.
///
/// Goes as far as it makes sense: what is found by a damaged part is not looked for.
struct SegmentVerifier {
  /// What the manifest says of it.
  let listed: SegmentProperties
  let directory: StoreDirectory
  let run: VerificationRun

  private var path: String { directory.path(of: .segment(listed.fileNumber)) }

  /// - Parameter visitHandles: is given the handles of each block, with the block's offset, at the greatest
  ///   depth.
  /// - Returns: whether every entry was decoded.
  @discardableResult
  func verify(_ visitHandles: ([ValueHandle], _ offset: UInt64) -> Void = { _, _ in }) -> Bool {
    guard
      let file = ListedFile(.segment(listed.fileNumber), bytes: listed.fileBytes).open(in: directory, run),
      let footer = run.attempt(
        .segmentFooter, file: path,
        { () throws(StorageError) in
          run.note(bytesRead: UInt64(SegmentFormat.footerBytes))
          return try SegmentParts.readFooter(file, fileBytes: listed.fileBytes, fileNumber: listed.fileNumber)
        })
    else { return false }
    let blocks = StoredBlockVerifier(file: file, identity: footer.identity, run: run)
    verifyProperties(footer, blocks)
    if run.depth == .structure { return false }
    let isEverything = run.depth == .everything
    let filters = isEverything ? decodeFilters(footer, blocks) : nil
    var dictionary: DictionaryForDecompression?
    if isEverything {
      dictionary = decodeDictionary(footer, blocks)
      verifyRemovals(footer, blocks)
    } else {
      for place in [footer.dictionary, footer.rangeRemovals, footer.filters].compactMap(\.self) {
        blocks.verifyChecksum(of: place, whatItHolds: "a part")
      }
    }
    guard let index = decodeIndex(footer, blocks) else { return false }
    if isEverything {
      return SegmentEntriesVerifier(
        listed: listed, blocks: blocks, index: index, filters: filters, dictionary: dictionary
      ).verify(visitHandles)
    }
    for number in 0..<index.view.count {
      if run.isCancelled { break }
      blocks.verifyChecksum(
        of: SegmentParts.place(index.view.entry(at: number).value), whatItHolds: "entries")
    }
    return false
  }

  private func verifyProperties(_ footer: SegmentFooter, _ blocks: StoredBlockVerifier) {
    guard let bytes = blocks.payload(of: footer.properties, whatItHolds: "properties") else { return }
    let found = SegmentProperties(
      UnsafeRawBufferPointer(bytes.memory), fileBytes: listed.fileBytes, sequenceBase: listed.sequenceBase)
    let isGood =
      found.map {
        $0.fileNumber == listed.fileNumber && ($0.tombstoneCount > 0) == (footer.rangeRemovals != nil)
      }
      ?? false
    run.require(
      .segmentProperties, isGood, file: path, offset: footer.properties.offset,
      "the properties do not decode, contradict themselves or the footer")
    if let found {
      run.require(
        .segmentListed, found == listed, file: path, offset: footer.properties.offset,
        "the properties are not those that the manifest repeats")
    }
  }

  private func decodeFilters(_ footer: SegmentFooter, _ blocks: StoredBlockVerifier) -> SegmentFilters? {
    guard let place = footer.filters, let bytes = blocks.payload(of: place, whatItHolds: "filters") else {
      return nil
    }
    let filters = SegmentFilters(UnsafeRawBufferPointer(bytes.memory))
    run.require(
      .segmentFilters, filters != nil && listed.entryCount > 0, file: path, offset: place.offset,
      "the filters do not decode, or are there without entries")
    return filters
  }

  private func decodeDictionary(
    _ footer: SegmentFooter, _ blocks: StoredBlockVerifier
  ) -> DictionaryForDecompression? {
    guard let place = footer.dictionary,
      let bytes = blocks.payload(of: place, whatItHolds: "the dictionary")
    else { return nil }
    let isShort = bytes.memory.count <= CompressionDictionary.greatestBytes
    let dictionary = isShort ? DictionaryForDecompression(UnsafeRawBufferPointer(bytes.memory)) : nil
    run.require(
      .segmentDictionary, dictionary != nil, file: path, offset: place.offset,
      "the dictionary is none, or longer than any can be")
    return dictionary
  }

  private func verifyRemovals(_ footer: SegmentFooter, _ blocks: StoredBlockVerifier) {
    guard let place = footer.rangeRemovals,
      let bytes = blocks.payload(of: place, whatItHolds: "range removals")
    else { return }
    let removals = RangeRemovalBlock.decode(
      UnsafeRawBufferPointer(bytes.memory), sequenceBase: listed.sequenceBase)
    guard
      run.require(
        .segmentRangeRemovals, removals.map { UInt64($0.count) == listed.tombstoneCount } ?? false,
        file: path,
        offset: place.offset,
        "the range removals do not decode, are not in order, or not as many as the properties say"),
      let removals
    else { return }
    for removal in removals {
      run.require(
        .segmentSequences,
        (listed.smallestSequence...listed.largestSequence).contains(removal.sequence), file: path,
        offset: place.offset,
        "a range removal has sequence number \(removal.sequence), outside the properties'")
      let upper = removal.upper.map(SegmentProperties.UpperBound.exclusive) ?? .unbounded
      run.require(
        .segmentBounds,
        !removal.lower.lexicographicallyPrecedes(listed.lowerBound)
          && !SegmentProperties.UpperBound.isLower(listed.upperBound, upper), file: path,
        offset: place.offset,
        "a range removal reaches beyond the properties' bounds")
    }
  }

  private func decodeIndex(_ footer: SegmentFooter, _ blocks: StoredBlockVerifier) -> Block? {
    guard let bytes = blocks.payload(of: footer.index, whatItHolds: "the index") else { return nil }
    let index = Block.make(
      UnsafeRawBufferPointer(bytes.memory), isIndex: true, sequenceBase: listed.sequenceBase)
    let isGood =
      index.map { index in
        UInt64(index.view.count) == listed.blockCount && (listed.blockCount > 0) == (listed.entryCount > 0)
          && SegmentParts.tilesTheData(index.view, dataBytes: footer.dataBytes)
      } ?? false
    run.require(
      .segmentIndex, isGood, file: path, offset: footer.index.offset,
      "the index does not decode, has not as many entries as the properties say, or does not tile the data")
    return isGood ? index : nil
  }
}

/// A file that the manifest lists with its length.
struct ListedFile {
  let entry: StoreDirectory.Entry
  let bytes: UInt64

  init(_ entry: StoreDirectory.Entry, bytes: UInt64) {
    self.entry = entry
    self.bytes = bytes
  }

  /// The open file, if it is there and as long as listed.
  func open(in directory: StoreDirectory, _ run: VerificationRun) -> (any File)? {
    let path = directory.path(of: entry)
    let found = run.attempt(
      .listedFilePresent, file: path,
      { () throws(StorageError) -> (any File)? in
        guard try directory.fileSystem.information(at: path) != nil else { return nil }
        return try directory.open(entry, .read)
      })
    guard let found else { return nil }
    guard let file = found else {
      run.note(.listedFilePresent, file: path, "the file is missing, though the manifest lists it")
      return nil
    }
    let size = run.attempt(.listedFileLength, file: path, { () throws(StorageError) in try file.size() })
    guard let size else { return nil }
    if size == bytes { return file }
    run.note(
      .listedFileLength, file: path, offset: min(size, bytes),
      "the file has \(size) bytes instead of the \(bytes) that the manifest lists")
    return nil
  }
}
