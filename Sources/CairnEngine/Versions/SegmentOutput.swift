import CairnKV

/// Writes a merged stream of entries and range removals into one segment or several, cut between keys, and
/// large values into a value file beside them.
struct SegmentOutput {
  let directory: StoreDirectory
  let random: any RandomSource
  let segmentOptions: SegmentOptions
  /// A segment is ended before the next key once it has grown this large.
  let targetBytes: Int
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

  private struct Open {
    var builder: SegmentBuilder
    var file: any File
  }

  private struct OpenValues {
    var builder: ValueFileBuilder
    var file: any File
  }

  /// The segments and the value file, written and synced with their directory entries. On an error nothing is
  /// left of them.
  func write(
    _ source: SourceCursor, _ sieve: EntrySieve, removals: [RangeTombstone]
  ) throws(StorageError) -> Written {
    var written = Written()
    var begun: [StoreDirectory.Entry] = []
    do throws(StorageError) {
      try write(source, sieve, removals: removals, into: &written, begun: &begun)
      if !written.segments.isEmpty { try directory.synchronize() }
    } catch {
      // What a failed removal leaves is a stray: the manifest never names it, and the next opening removes
      // it.
      for entry in begun { try? directory.remove(entry) }
      throw error
    }
    return written
  }

  private func write(
    _ source: SourceCursor, _ initialSieve: EntrySieve, removals: [RangeTombstone],
    into written: inout Written, begun: inout [StoreDirectory.Entry]
  ) throws(StorageError) {
    var sieve = initialSieve
    var open: Open?
    var values: OpenValues?
    var lowerCut: [UInt8] = []
    var lastKey: [UInt8] = []
    try source.seekToFirst()
    while source.isValid {
      if sieve.keeps(source.key, source.trailer) {
        if let current = open, current.builder.estimatedSize >= targetBytes,
          lastKey.withUnsafeBytes({ EntryOrder.compare($0, source.key) != 0 })
        {
          let cut = [UInt8](source.key)
          try finish(current, removals: Self.clip(removals, from: lowerCut, to: cut), into: &written.segments)
          lowerCut = cut
          open = nil
        }
        let current: Open
        if let existing = open { current = existing } else { current = try begin(&begun) }
        open = current
        if let valueThreshold, source.trailer.kind == .value, source.value.count >= valueThreshold {
          try moveOut(source, to: &values, &begun, current.builder)
        } else {
          try current.builder.add(key: source.key, trailer: source.trailer, value: source.value)
        }
        if sieve.isSuperseded { current.builder.noteSuperseded() }
        lastKey = [UInt8](source.key)
      } else if source.trailer.kind == .handle {
        guard let handle = ValueHandle(decoding: source.value) else {
          throw StorageError(.internalInconsistency, "an entry's handle does not decode as it did before")
        }
        written.dropped.append(handle)
      }
      try source.next()
    }
    let rest = Self.clip(removals, from: lowerCut, to: nil)
    if open == nil && !rest.isEmpty { open = try begin(&begun) }
    if let open { try finish(open, removals: rest, into: &written.segments) }
    if let values {
      written.valueFile = try values.builder.finish()
      try directory.synchronize(values.file)
      try values.file.close()
    }
  }

  /// Adds an entry whose value goes to the value file, which is begun with the first.
  private func moveOut(
    _ source: SourceCursor, to values: inout OpenValues?, _ begun: inout [StoreDirectory.Entry],
    _ builder: SegmentBuilder
  ) throws(StorageError) {
    let open: OpenValues
    if let values {
      open = values
    } else {
      let number = allocateFileNumber()
      begun.append(.values(number))
      let file = try directory.open(.values(number), .create)
      open = OpenValues(
        builder: ValueFileBuilder(file: file, fileNumber: number, salt: random.next(), options: valueOptions),
        file: file)
      values = open
    }
    let handle = try open.builder.append(source.value).encoded()
    let trailer = EntryTrailer(sequence: source.trailer.sequence, kind: .handle)
    try withBytes(of: handle) { (handle) throws(StorageError) in
      try builder.add(key: source.key, trailer: trailer, value: handle)
    }
  }

  private func begin(_ begun: inout [StoreDirectory.Entry]) throws(StorageError) -> Open {
    let number = allocateFileNumber()
    begun.append(.segment(number))
    let file = try directory.open(.segment(number), .create)
    let builder = SegmentBuilder(file: file, fileNumber: number, salt: random.next(), options: segmentOptions)
    return Open(builder: builder, file: file)
  }

  private func finish(
    _ open: Open, removals: [RangeTombstone], into written: inout [SegmentProperties]
  ) throws(StorageError) {
    for removal in removals { try open.builder.add(removal) }
    let properties = try open.builder.finish()
    written.append(properties)
    try directory.synchronize(open.file)
    try open.file.close()
  }

  /// The parts of the removals that lie in `[lower, upper)`: a segment's removals speak only of its own keys.
  static func clip(_ removals: [RangeTombstone], from lower: [UInt8], to upper: [UInt8]?) -> [RangeTombstone]
  {
    removals.compactMap { removal in
      var clipped = removal
      if clipped.lower.lexicographicallyPrecedes(lower) { clipped.lower = lower }
      if let upper, clipped.upper.map({ upper.lexicographicallyPrecedes($0) }) ?? true {
        clipped.upper = upper
      }
      return clipped.isEmpty ? nil : clipped
    }
  }
}
