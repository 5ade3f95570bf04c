import CairnKV

/// Walks a run of segments that do not overlap, forwards, and passes over whatever of them is damaged,
/// telling of it.
///
/// A file is opened when it is reached, and its damage is told before any entry is shown that comes after
/// it. Reads past the block cache; holds one block, and the index and dictionary of one segment.
final class SalvageCursor: SourceCursor {
  /// A part of a segment that could not be read.
  struct Loss {
    var segment: SegmentProperties
    /// Whether it is the whole segment, not a block.
    var isWhole: Bool
    /// Where the keys are that its entries may have had.
    var range: KeyRange
    var error: StorageError
  }

  private struct OpenSegment {
    var properties: SegmentProperties
    var file: any File
    var identity: SegmentIdentity
    var index: Block
    var dictionary: DictionaryForDecompression?
  }

  private let segments: [SegmentProperties]
  private let directory: StoreDirectory
  private let decompressor: BlockDecompressor
  private let run: VerificationRun?
  private let onLoss: (Loss) -> Void
  private var following = 0
  private var open: OpenSegment?
  private var nextBlock = 0
  private var block: Block?
  private var view = BlockView.none
  private var position = 0
  private var keyBytes = AppendBuffer(capacity: 0)
  /// Where the current block begins.
  private(set) var blockOffset: UInt64 = 0

  /// - Parameters:
  ///   - segments: in the order of their keys.
  ///   - run: counts what is read, if anybody does.
  init(
    _ segments: [SegmentProperties], directory: StoreDirectory, decompressor: BlockDecompressor,
    run: VerificationRun? = nil, onLoss: @escaping (Loss) -> Void = { _ in }
  ) {
    self.segments = segments
    self.directory = directory
    self.decompressor = decompressor
    self.run = run
    self.onLoss = onLoss
  }

  /// The path of the file that the current entry stands in.
  var path: String { open?.file.path ?? directory.path }

  /// Cuts segments into as few runs as a simple walk finds, each in the order of keys and without overlap.
  static func runs(of segments: [SegmentProperties]) -> [[SegmentProperties]] {
    var runs: [[SegmentProperties]] = []
    for segment in segments.sorted(by: { $0.lowerBound.lexicographicallyPrecedes($1.lowerBound) }) {
      let free = runs.firstIndex { $0.last?.upperBound.isBefore(segment.lowerBound) ?? true }
      if let free { runs[free].append(segment) } else { runs.append([segment]) }
    }
    return runs
  }

  override func seekToFirst() throws(StorageError) {
    following = 0
    open = nil
    try enterNextBlock()
  }

  override func next() throws(StorageError) {
    guard isValid else { return }
    if position + 1 < view.count { show(position + 1) } else { try enterNextBlock() }
  }

  private func enterNextBlock() throws(StorageError) {
    isValid = false
    while true {
      if let open, nextBlock < open.index.view.count {
        let number = nextBlock
        nextBlock += 1
        if try enter(number, of: open) { return show(0) }
      } else {
        open = nil
        guard following < segments.count else { return }
        let segment = segments[following]
        following += 1
        nextBlock = 0
        open = try salvaging(segment, segment.range, isWhole: true) { () throws(StorageError) in
          try Self.open(segment, directory, decompressor)
        }
      }
    }
  }

  /// The outcome of `work`; `nil`, and the loss was told, when what it reads is damaged.
  private func salvaging<Value>(
    _ segment: SegmentProperties, _ range: KeyRange, isWhole: Bool, _ work: () throws(StorageError) -> Value
  ) throws(StorageError) -> Value? {
    do throws(StorageError) {
      return try work()
    } catch {
      guard error.isDamage else { throw error }
      onLoss(Loss(segment: segment, isWhole: isWhole, range: range, error: error))
      return nil
    }
  }

  private static func open(
    _ segment: SegmentProperties, _ directory: StoreDirectory, _ decompressor: BlockDecompressor
  ) throws(StorageError) -> OpenSegment {
    let file = try directory.open(.segment(segment.fileNumber), .read)
    let footer = try SegmentParts.readFooter(
      file, fileBytes: try file.size(), fileNumber: segment.fileNumber)
    let bytes = try StoredBlock.read(
      footer.index, of: file, identity: footer.identity, decompressor: decompressor, whatItHolds: "the index")
    guard
      let index = Block.make(
        UnsafeRawBufferPointer(bytes.memory), isIndex: true, sequenceBase: segment.sequenceBase),
      SegmentParts.tilesTheData(index.view, dataBytes: footer.dataBytes)
    else {
      throw StorageError(
        .corruption, "the index is malformed", file: file.path, offset: footer.index.offset)
    }
    var dictionary: DictionaryForDecompression?
    // Without it the blocks that need it are lost, one by one, and the others are not.
    if let place = footer.dictionary,
      let bytes = try? StoredBlock.read(
        place, of: file, identity: footer.identity, decompressor: decompressor, whatItHolds: "the dictionary")
    {
      dictionary = DictionaryForDecompression(UnsafeRawBufferPointer(bytes.memory))
    }
    return OpenSegment(
      properties: segment, file: file, identity: footer.identity, index: index, dictionary: dictionary)
  }

  /// Makes a block the current one, if it can be read.
  private func enter(_ number: Int, of open: OpenSegment) throws(StorageError) -> Bool {
    let place = SegmentParts.place(open.index.view.entry(at: number).value)
    let range = Self.range(of: number, open)
    let loaded = try salvaging(open.properties, range, isWhole: false) { () throws(StorageError) in
      let bytes = try StoredBlock.read(
        place, of: open.file, identity: open.identity, decompressor: decompressor,
        dictionary: open.dictionary, whatItHolds: "entries")
      run?.note(bytesRead: place.storedBytes)
      let block = Block.make(
        UnsafeRawBufferPointer(bytes.memory), isIndex: false, isForKeys: false,
        sequenceBase: open.properties.sequenceBase)
      guard let block, Self.fits(block.view, number, open) else {
        throw StorageError(
          .corruption, "a block of entries is malformed, or is not what the index says", file: open.file.path,
          offset: place.offset)
      }
      return block
    }
    guard let loaded else { return false }
    block = loaded
    view = loaded.view
    blockOffset = place.offset
    return true
  }

  /// What a reader checks of a block, see "What a reader must check".
  private static func fits(_ view: BlockView, _ number: Int, _ open: OpenSegment) -> Bool {
    let index = open.index.view
    return view.count > 0 && view.compare(0, with: index, at: number) == 0
      && (number + 1 == index.count || view.compare(view.count - 1, with: index, at: number + 1) < 0)
      && view.sequences.lowerBound >= open.properties.smallestSequence
      && view.sequences.upperBound <= open.properties.largestSequence
      && open.properties.mayContain(view.key(at: 0))
      && open.properties.mayContain(view.key(at: view.count - 1))
  }

  /// Where a block's keys are: from the index's entry to that of the next block, whose key may have newer
  /// entries in this one.
  private static func range(of number: Int, _ open: OpenSegment) -> KeyRange {
    let index = open.index.view
    let upper =
      number + 1 < index.count ? index.key(at: number + 1) + [0] : open.properties.range.upper
    return KeyRange(from: index.key(at: number), to: upper)
  }

  private func show(_ index: Int) {
    let entry = view.entry(at: index)
    position = index
    keyBytes.replaceContents(with: view.prefix)
    keyBytes.append(entry.suffix)
    key = keyBytes.bytes
    trailer = entry.trailer
    value = entry.value
    isValid = true
  }
}

extension StorageError {
  /// Whether a file cannot be read because of what it is, and not because the process has no more memory or
  /// descriptors.
  var isDamage: Bool {
    switch code {
    case .corruption, .unsupportedFormat: true
    // ENOMEM, ENFILE and EMFILE, which are the same numbers on Linux and macOS.
    case .inputOutput: ![12, 23, 24].contains(systemError ?? 0)
    default: false
    }
  }
}
