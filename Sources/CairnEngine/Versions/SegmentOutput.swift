import CairnKV

/// Writes a merged stream of entries and range removals into a sorted run, without what a sieve leaves out.
struct SegmentOutput {
  let directory: StoreDirectory
  let random: any RandomSource
  let segmentOptions: SegmentOptions
  /// A segment is ended before another key once it has grown about this large, see ``OutputCuts``.
  let targetBytes: Int
  let allocateFileNumber: () -> UInt64
  /// The segments of the level after the run's, and how much of them a segment may overlap.
  var below: [SegmentFile] = []
  var greatestOverlapBytes = UInt64.max
  /// Values of at least so many bytes go to a value file; `nil`: all stay where they are.
  var valueThreshold: Int?
  var valueOptions = ValueFileOptions()
  /// A value file is ended before the next value once it has grown this large.
  var valueFileBytes = UInt64.max
  /// Compresses beside the calling thread.
  var helper: CompressionThread?
  /// Where files come from; `nil`: the directory, where each is synced as soon as it is complete.
  var otherFiles: (any OutputFiles)?

  var files: any OutputFiles { otherFiles ?? directory }

  /// What came of it.
  struct Written {
    /// In key order.
    var segments: [SegmentProperties] = []
    var valueFiles: [ValueFileProperties] = []
    /// The handles of the entries that the sieve left out.
    var dropped: [ValueHandle] = []
  }

  /// The segments and the value file, written and synced with their directory entries. On an error nothing is
  /// left of them.
  func write(
    _ source: SourceCursor, _ sieve: EntrySieve, removals: [RangeTombstone]
  ) throws(StorageError) -> Written {
    let writer = SortedRunWriter(self, removals: removals)
    do throws(StorageError) {
      let dropped = try feed(writer, source, sieve)
      var written = try writer.finish()
      written.dropped = dropped
      if !written.segments.isEmpty { try directory.synchronize() }
      return written
    } catch {
      writer.discard()
      throw error
    }
  }

  /// - Returns: the handles of the entries that the sieve left out.
  private func feed(
    _ writer: SortedRunWriter, _ source: SourceCursor, _ initialSieve: EntrySieve
  ) throws(StorageError) -> [ValueHandle] {
    var sieve = initialSieve
    var dropped: [ValueHandle] = []
    try source.seekToFirst()
    while source.isValid {
      if sieve.keeps(source.key, source.trailer) {
        try writer.add(key: source.key, trailer: source.trailer, value: source.value)
        if sieve.isSuperseded { writer.noteSuperseded() }
      } else if source.trailer.kind == .handle {
        guard let handle = ValueHandle(decoding: source.value) else {
          throw StorageError(.internalInconsistency, "an entry's handle does not decode as it did before")
        }
        dropped.append(handle)
      }
      try source.next()
    }
    return dropped
  }
}

extension StoreDirectory: OutputFiles {
  func create(_ entry: Entry) throws(StorageError) -> any File { try open(entry, .create) }

  func complete(_ file: any File) throws(StorageError) {
    try synchronize(file)
    try file.close()
  }

  func discard(_ entries: [Entry]) {
    for entry in entries { try? remove(entry) }
  }
}
