import CairnKV

/// Takes the blocks of a segment's entries, and hands them back compressed, where that pays, in the same order. Some
/// are on their way all the time, so that a helper can compress them while others are built.
///
/// What comes out, and when, depends on what went in alone, and not on which thread was faster: the same entries
/// always make the same segments.
///
/// The first blocks are gathered until there are enough of them to make the dictionary, and to tell whether the
/// entries can be compressed at all: trying costs as much as succeeding, several times what all the rest of a
/// block does.
struct BlockPipeline: ~Copyable {
  /// So much is compressed in one go.
  private static let runBytes = 128 << 10
  /// So much may be on its way.
  private static let greatestUnwrittenBytes = 4 * runBytes
  /// When of the first blocks fewer than one in so many are worth compressing, the others are not tried.
  private static let leastCompressedShare = 8
  /// The dictionary has to save one byte in so many: with it, blocks of 4 KiB take up to twice the time.
  private static let leastDictionaryGain = 25
  /// One in so many of the first blocks is asked whether it does.
  private static let dictionaryTrialStride = 8

  private let options: SegmentOptions
  private let compressor: BlockCompressor?
  private let helper: CompressionThread?
  private let helperCompressor: BlockCompressor?
  private var isSampling: Bool
  private var gathered: BlockRun
  /// Oldest first.
  private var underWay: [BlockRun] = []
  private var underWayBytes = 0
  private var idle: [BlockRun] = []
  private var passedBytes = 0
  private var storedBytes = 0

  /// Whether blocks are not to be handed in: they are stored as they are.
  private(set) var isBypassed: Bool
  /// What the blocks refer to, from the moment on when it is made.
  private(set) var dictionary: DictionaryForCompression?

  init(_ options: SegmentOptions, helper: CompressionThread?) {
    self.options = options
    compressor = options.compressionLevel.map { BlockCompressor(level: $0) }
    self.helper = compressor == nil ? nil : helper
    helperCompressor = self.helper == nil ? nil : options.compressionLevel.map { BlockCompressor(level: $0) }
    isSampling = compressor != nil
    isBypassed = compressor == nil
    gathered = BlockRun(capacity: compressor == nil ? 0 : 64 << 10)
  }

  /// About what will be stored of the blocks that have not come out yet.
  var unwrittenBytes: Int {
    let unwritten = gathered.payloadBytes + underWayBytes
    return passedBytes == 0 ? unwritten : Int(Double(unwritten) * Double(storedBytes) / Double(passedBytes))
  }

  mutating func add(_ payload: UnsafeRawBufferPointer, _ key: [UInt8], _ trailer: EntryTrailer) {
    gathered.append(payload, key, trailer)
    if gathered.payloadBytes >= (isSampling ? CompressionDictionary.sampleBytes : Self.runBytes) { send() }
  }

  /// The blocks that come out next, if any do. To be handed back to ``reuse(_:)``.
  /// - Parameter isEnd: No more blocks will come: all go out.
  mutating func next(isEnd: Bool = false) -> BlockRun? {
    if isEnd && gathered.payloadBytes > 0 { send() }
    let keptBytes = isEnd || isBypassed || helper == nil ? 0 : Self.greatestUnwrittenBytes
    guard underWayBytes > keptBytes, let run = underWay.first else { return nil }
    underWay.removeFirst()
    complete(run)
    underWayBytes -= run.payloadBytes
    passedBytes += run.payloadBytes
    storedBytes += run.blocks.reduce(0) {
      $0 + ($1.compressedBytes > 0 ? $1.compressedBytes : $1.payloadBytes) + SegmentFormat.blockTrailerBytes
    }
    return run
  }

  mutating func reuse(_ run: BlockRun) {
    run.reset(keeping: 2 * Self.runBytes)
    idle.append(run)
  }

  private mutating func send() {
    let run = gathered
    run.close()
    gathered = idle.popLast() ?? BlockRun(capacity: Self.runBytes)
    underWay.append(run)
    underWayBytes += run.payloadBytes
    if isSampling {
      isSampling = false
      judge(run)
    } else if let helper, let helperCompressor {
      helper.offer(run, helperCompressor)
    }
  }

  /// Sees to it that the oldest run is compressed; while the helper is at it, does the newest of the others.
  private func complete(_ run: BlockRun) {
    guard let compressor else { return }
    while !run.isDone {
      if run.claim() {
        run.compress(with: compressor)
      } else if let other = underWay.last(where: { $0.claim() }) {
        other.compress(with: compressor)
      } else {
        run.waitUntilDone()
      }
    }
  }

  // MARK: The first blocks

  private mutating func judge(_ run: BlockRun) {
    guard let compressor, run.claim() else { return }
    if let made = makeDictionary(of: run), isWorthwhile(made, run, compressor) { dictionary = made }
    compressor.dictionary = dictionary
    helperCompressor?.dictionary = dictionary
    run.compress(with: compressor)
    isBypassed = run.compressedCount < run.blocks.count / Self.leastCompressedShare
  }

  private func makeDictionary(of run: BlockRun) -> DictionaryForCompression? {
    guard let level = options.compressionLevel else { return nil }
    return CompressionDictionary.make(
      of: run.bytes, lengths: run.blocks.map(\.payloadBytes), bytes: options.dictionaryBytes, level: level
    ).flatMap { DictionaryForCompression($0, level: level) }
  }

  private func isWorthwhile(
    _ dictionary: DictionaryForCompression, _ run: BlockRun, _ compressor: BlockCompressor
  ) -> Bool {
    var (without, with) = (0, 0)
    var start = 0
    for (number, block) in run.blocks.enumerated() {
      let end = start + block.payloadBytes
      if number % Self.dictionaryTrialStride == 0 {
        let payload = UnsafeRawBufferPointer(rebasing: run.bytes[start..<end])
        compressor.dictionary = nil
        without += compressor.compress(payload)?.count ?? payload.count
        compressor.dictionary = dictionary
        with += compressor.compress(payload)?.count ?? payload.count
      }
      start = end
    }
    return with < without - without / Self.leastDictionaryGain
  }
}
