import CairnKV

/// Decodes all data blocks of a segment, and compares them with everything that the segment says of them.
struct SegmentEntriesVerifier {
  let listed: SegmentProperties
  let blocks: StoredBlockVerifier
  let index: Block
  let filters: SegmentFilters?
  let dictionary: DictionaryForDecompression?

  /// What the entries add up to.
  private struct Totals {
    var values: UInt64 = 0
    var removals: UInt64 = 0
    var keyBytes: UInt64 = 0
    var valueBytes: UInt64 = 0
    var referencedBytes: UInt64 = 0
  }

  private var run: VerificationRun { blocks.run }
  private var path: String { blocks.file.path }

  /// - Returns: whether every entry was seen.
  func verify(_ visitHandles: ([ValueHandle], UInt64) -> Void) -> Bool {
    var totals = Totals()
    var isWhole = true
    for number in 0..<index.view.count {
      if run.isCancelled { return false }
      let place = SegmentParts.place(index.view.entry(at: number).value)
      guard let bytes = blocks.payload(of: place, dictionary: dictionary, whatItHolds: "entries") else {
        isWhole = false
        continue
      }
      let block = Block.make(
        UnsafeRawBufferPointer(bytes.memory), isIndex: false, isForKeys: false,
        sequenceBase: listed.sequenceBase)
      guard
        run.require(
          .blockEntries, (block?.view.count ?? 0) > 0, file: path, offset: place.offset,
          "the block does not decode, or its entries are not in order"),
        let block
      else {
        isWhole = false
        continue
      }
      verifyPlace(block.view, number, place)
      visitHandles(verifyEntries(of: block, place, &totals), place.offset)
    }
    if isWhole { verifyTotals(totals) }
    return isWhole
  }

  private func verifyPlace(_ view: BlockView, _ number: Int, _ place: SegmentFooter.Place) {
    run.require(
      .blockInIndex, view.compare(0, with: index.view, at: number) == 0, file: path, offset: place.offset,
      "the block does not begin with the entry that the index says")
    if number + 1 < index.view.count {
      run.require(
        .blockInIndex, view.compare(view.count - 1, with: index.view, at: number + 1) < 0, file: path,
        offset: place.offset, "the block holds an entry that does not sort before the following block's")
    }
    run.require(
      .segmentSequences,
      view.sequences.lowerBound >= listed.smallestSequence
        && view.sequences.upperBound <= listed.largestSequence, file: path, offset: place.offset,
      "the block holds an entry whose sequence number is outside the properties'")
    // The entries are in order, so that the outermost two stand for all.
    run.require(
      .segmentBounds, listed.mayContain(view.key(at: 0)) && listed.mayContain(view.key(at: view.count - 1)),
      file: path, offset: place.offset, "the block holds a key outside the properties' bounds")
  }

  private func verifyEntries(
    of block: Block, _ place: SegmentFooter.Place, _ totals: inout Totals
  ) -> [ValueHandle] {
    let view = block.view
    defer { withExtendedLifetime(block) {} }
    var handles: [ValueHandle] = []
    var unfiltered = 0
    var key = AppendBuffer(capacity: view.prefix.count + view.longestSuffix)
    for number in 0..<view.count {
      let entry = view.entry(at: number)
      key.replaceContents(with: view.prefix)
      key.append(entry.suffix)
      totals.keyBytes &+= UInt64(key.bytes.count)
      totals.valueBytes &+= UInt64(entry.value.count)
      if entry.trailer.isValue { totals.values &+= 1 } else { totals.removals &+= 1 }
      if entry.trailer.kind == .handle, let handle = ValueHandle(decoding: entry.value) {
        totals.referencedBytes &+= handle.storedBytes
        handles.append(handle)
      }
      if let filters,
        !filters.mayContain(keyHash: KeyHash.hash(key.bytes)) || !filters.mayContain(prefix: key.bytes)
      {
        unfiltered += 1
      }
    }
    if filters != nil {
      run.count(.filterMembership, UInt64(view.count))
      if unfiltered > 0 {
        run.note(
          .filterMembership, file: path, offset: place.offset,
          "the filters lack \(unfiltered) of the block's keys or their prefixes")
      }
    }
    return handles
  }

  private func verifyTotals(_ totals: Totals) {
    run.require(
      .segmentCounts,
      totals.values == listed.valueCount && totals.removals == listed.removalCount
        && totals.keyBytes == listed.rawKeyBytes && totals.valueBytes == listed.rawValueBytes, file: path,
      "there are \(totals.values) values and \(totals.removals) removals with \(totals.keyBytes) bytes "
        + "of keys and \(totals.valueBytes) of values, which is not what the properties say")
    run.require(
      .segmentReferences, totals.referencedBytes == listed.referencedBytes, file: path,
      "the handles refer to \(totals.referencedBytes) bytes instead of the \(listed.referencedBytes) that "
        + "the properties say")
  }
}
