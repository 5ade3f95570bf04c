import CairnKV

/// Writes a merged stream of entries and range removals into one segment or several, cut between keys.
struct SegmentOutput {
  let directory: StoreDirectory
  let random: any RandomSource
  let segmentOptions: SegmentOptions
  /// A segment is ended before the next key once it has grown this large.
  let targetBytes: Int
  let allocateFileNumber: () -> UInt64

  private struct Open {
    var builder: SegmentBuilder
    var file: any File
  }

  /// The segments, written and synced with their directory entries, in key order. On an error nothing is
  /// left of them.
  func write(
    _ source: SourceCursor, _ sieve: EntrySieve, removals: [RangeTombstone]
  ) throws(StorageError) -> [SegmentProperties] {
    var written: [SegmentProperties] = []
    var begun: [UInt64] = []
    do throws(StorageError) {
      try write(source, sieve, removals: removals, into: &written, begun: &begun)
      if !written.isEmpty { try directory.synchronize() }
    } catch {
      // What a failed removal leaves is a stray: the manifest never names it, and the next opening removes
      // it.
      for number in begun { try? directory.remove(.segment(number)) }
      throw error
    }
    return written
  }

  private func write(
    _ source: SourceCursor, _ initialSieve: EntrySieve, removals: [RangeTombstone],
    into written: inout [SegmentProperties], begun: inout [UInt64]
  ) throws(StorageError) {
    var sieve = initialSieve
    var open: Open?
    var lowerCut: [UInt8] = []
    var lastKey: [UInt8] = []
    try source.seekToFirst()
    while source.isValid {
      if sieve.keeps(source.key, source.trailer) {
        if let current = open, current.builder.estimatedSize >= targetBytes,
          lastKey.withUnsafeBytes({ EntryOrder.compare($0, source.key) != 0 })
        {
          let cut = [UInt8](source.key)
          try finish(current, removals: Self.clip(removals, from: lowerCut, to: cut), into: &written)
          lowerCut = cut
          open = nil
        }
        let current: Open
        if let existing = open { current = existing } else { current = try begin(&begun) }
        open = current
        try current.builder.add(key: source.key, trailer: source.trailer, value: source.value)
        lastKey = [UInt8](source.key)
      }
      try source.next()
    }
    let rest = Self.clip(removals, from: lowerCut, to: nil)
    if open == nil && !rest.isEmpty { open = try begin(&begun) }
    if let open { try finish(open, removals: rest, into: &written) }
  }

  private func begin(_ begun: inout [UInt64]) throws(StorageError) -> Open {
    let number = allocateFileNumber()
    begun.append(number)
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
