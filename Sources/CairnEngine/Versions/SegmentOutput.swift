import CairnKV

/// Writes a merged stream of entries and range removals into one segment or several, cut between keys, and
/// large values into a value file beside them.
struct SegmentOutput {
  let directory: StoreDirectory
  let random: any RandomSource
  let segmentOptions: SegmentOptions
  let cuts: OutputCuts
  let allocateFileNumber: () -> UInt64
  /// Values of at least so many bytes go to a value file; `nil`: all stay where they are.
  var valueThreshold: Int?
  var valueOptions = ValueFileOptions()

  /// What came of it.
  struct Written {
    /// In key order.
    var segments: [SegmentProperties] = []
    var valueFile: ValueFileProperties?
    /// The handles of the entries that the sieve left out.
    var dropped: [ValueHandle] = []
  }

  /// The segments and the value file, written and synced with their directory entries. On an error nothing is
  /// left of them.
  func write(
    _ source: SourceCursor, _ sieve: EntrySieve, removals: [RangeTombstone]
  ) throws(StorageError) -> Written {
    var run = Run(output: self, sieve: sieve, cuts: cuts, removals: PendingRemovals(removals))
    do throws(StorageError) {
      try run.write(source)
      if !run.written.segments.isEmpty { try directory.synchronize() }
    } catch {
      // What a failed removal leaves is a stray: the manifest never names it, and the next opening removes
      // it.
      for entry in run.begun { try? directory.remove(entry) }
      throw error
    }
    return run.written
  }

  /// One writing under way. A struct: every entry passes through here, and the fields of a class would each be
  /// checked for exclusive access.
  private struct Run {
    let output: SegmentOutput
    var sieve: EntrySieve
    var cuts: OutputCuts
    var removals: PendingRemovals
    var written = Written()
    var begun: [StoreDirectory.Entry] = []

    private var builder: SegmentBuilder?
    private var file: (any File)?
    private var values: ValueFileBuilder?
    private var valueFile: (any File)?

    init(output: SegmentOutput, sieve: EntrySieve, cuts: OutputCuts, removals: PendingRemovals) {
      self.output = output
      self.sieve = sieve
      self.cuts = cuts
      self.removals = removals
    }

    mutating func write(_ source: SourceCursor) throws(StorageError) {
      try source.seekToFirst()
      while source.isValid {
        if sieve.keeps(source.key, source.trailer) {
          try add(source)
        } else if source.trailer.kind == .handle {
          guard let handle = ValueHandle(decoding: source.value) else {
            throw StorageError(.internalInconsistency, "an entry's handle does not decode as it did before")
          }
          written.dropped.append(handle)
        }
        try source.next()
      }
      while let start = removals.nextStart { try open(start) }
      let rest = removals.finish()
      if builder != nil || !rest.isEmpty { try finish(rest) }
      if let values, let valueFile {
        written.valueFile = try values.finish()
        try output.directory.synchronize(valueFile)
        try valueFile.close()
      }
    }

    private mutating func add(_ source: SourceCursor) throws(StorageError) {
      while let start = removals.nextStart(notAfter: source.key) { try open(start) }
      if sieve.isNewKey { try cutIfDue(before: source.key) }
      let builder = try openBuilder()
      if let threshold = output.valueThreshold, source.trailer.kind == .value,
        source.value.count >= threshold
      {
        try moveOut(source, builder)
      } else {
        try builder.add(key: source.key, trailer: source.trailer, value: source.value)
      }
      if sieve.isSuperseded { builder.noteSuperseded() }
    }

    /// Takes in the next removal, which begins at `start`: a place where the segment before it may end, since
    /// a segment with two removals far from each other would overlap all that lies between.
    private mutating func open(_ start: [UInt8]) throws(StorageError) {
      try withBytes(of: start) { (start) throws(StorageError) in try cutIfDue(before: start) }
      removals.openNext()
    }

    private mutating func cutIfDue(before key: UnsafeRawBufferPointer) throws(StorageError) {
      guard builder != nil || removals.hasOpen else { return cuts.skip(to: key) }
      let bytes = (builder?.estimatedSize ?? 0) + UInt64(removals.openBytes)
      guard cuts.isCut(before: key, after: builder?.lastKey, bytes: bytes) else { return }
      let cut = [UInt8](key)
      let parts = removals.cut(at: cut)
      // A removal that begins and ends where another one is cut leaves nothing behind.
      if builder != nil || !parts.isEmpty { try finish(parts) }
      cuts.beginSegment()
    }

    /// Adds an entry whose value goes to the value file, which is begun with the first.
    private mutating func moveOut(_ source: SourceCursor, _ builder: SegmentBuilder) throws(StorageError) {
      let handle = try openValues().append(source.value).encoded()
      let trailer = EntryTrailer(sequence: source.trailer.sequence, kind: .handle)
      try withBytes(of: handle) { (handle) throws(StorageError) in
        try builder.add(key: source.key, trailer: trailer, value: handle)
      }
    }

    private mutating func openValues() throws(StorageError) -> ValueFileBuilder {
      if let values { return values }
      let number = output.allocateFileNumber()
      begun.append(.values(number))
      let file = try output.directory.open(.values(number), .create)
      let begun = ValueFileBuilder(
        file: file, fileNumber: number, salt: output.random.next(), options: output.valueOptions)
      valueFile = file
      values = begun
      return begun
    }

    private mutating func openBuilder() throws(StorageError) -> SegmentBuilder {
      if let builder { return builder }
      let number = output.allocateFileNumber()
      begun.append(.segment(number))
      let file = try output.directory.open(.segment(number), .create)
      let begun = SegmentBuilder(
        file: file, fileNumber: number, salt: output.random.next(), options: output.segmentOptions)
      self.file = file
      builder = begun
      return begun
    }

    private mutating func finish(_ removals: [RangeTombstone]) throws(StorageError) {
      let builder = try openBuilder()
      for removal in removals { try builder.add(removal) }
      written.segments.append(try builder.finish())
      if let file {
        try output.directory.synchronize(file)
        try file.close()
      }
      self.builder = nil
      self.file = nil
    }
  }
}
