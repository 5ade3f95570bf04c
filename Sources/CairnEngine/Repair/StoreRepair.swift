import CairnKV

/// Copies what can be read of a damaged store into a new one.
///
/// All entries of all segments and logs are merged, so that each key has the newest value that is left of
/// it: levels are not believed, since sequence numbers say the same and are under a checksum each.
struct StoreRepair {
  private let source: StoreDirectory
  private let options: RepairOptions
  private let findings: RepairFindings
  private let decompressor = BlockDecompressor()

  init(_ source: StoreDirectory, _ options: RepairOptions) {
    self.source = source
    self.options = options
    findings = RepairFindings(limit: options.lossLimit)
  }

  /// What is there to be copied: read as far as it must be before the first entry.
  private struct Sources {
    var segments: SalvagedSegments
    var logs: SalvagedLogs
    var values: SalvagedValues
  }

  /// Reads everything, and hands what is to be in the new store to a function that makes it.
  ///
  /// - Parameter write: is given the last sequence number of the old store, and a function that hands out
  ///   the entries in order, which is to be called once.
  func run(
    _ write: (UInt64, ((KeyValue) throws(StorageError) -> Void) throws(StorageError) -> Void)
      throws(StorageError) -> Void
  ) throws(StorageError) -> RepairReport {
    guard let information = try source.fileSystem.information(at: source.path), information.isDirectory else {
      throw StorageError(.invalidArgument, "there is no store", file: source.path)
    }
    let entries = try source.entries()
    let manifest = try SalvagedManifest(in: source)
    let isStore = entries.contains { entry in
      switch entry {
      case .manifest, .log, .segment, .values: true
      case .lock, .newManifest, .backup, .spare, .unknown: false
      }
    }
    guard isStore else {
      throw StorageError(.invalidArgument, "the directory holds no store", file: source.path)
    }
    let sources = try gather(manifest, entries)
    try write(findings.report.lastSequence) { (take) throws(StorageError) in
      try merge(sources, into: take)
    }
    if manifest.damage == nil, try SalvagedManifest(in: source).state != manifest.state {
      throw StorageError(
        .locked, "the store was changed while it was read: somebody has it open", file: source.path)
    }
    return findings.finish(hasDoubtful: options.keepsDoubtful && findings.report.doubtfulKeyCount > 0)
  }

  private func gather(
    _ manifest: SalvagedManifest, _ entries: [StoreDirectory.Entry]
  ) throws(StorageError) -> Sources {
    let state = manifest.state
    findings.note(lastSequence: state?.lastSequence ?? 0)
    var segments = SalvagedSegments(source, findings, decompressor)
    let values = SalvagedValues(source, places: state?.values.places ?? [:])
    let listed = state.map { Array($0.levels.joined()) } ?? []
    var logNumbers = state?.logs ?? []
    if let damage = manifest.damage {
      findings.lose(.manifest, damage, range: .all, lastSequence: nil)
      try segments.take(found: entries, known: listed)
      try values.take(found: entries)
      logNumbers = []
    } else {
      try segments.take(listed: listed)
    }
    // A newer log that is not listed holds nothing new, or the manifest has lost the edit that lists it.
    let newest = logNumbers.last ?? 0
    for case .log(let number) in entries where number > newest { logNumbers.append(number) }
    var logs = SalvagedLogs(source, findings)
    try logs.read(
      Self.withoutEmptyStrays(logNumbers, listed: newest, in: source).sorted(),
      listedEnd: manifest.damage == nil ? state?.logEnd : nil,
      listedSequence: manifest.damage == nil ? state?.lastSequence : nil)
    return Sources(segments: segments, logs: logs, values: values)
  }

  /// Leaves out logs that are not listed and say nothing: copies of others and, where there is a list, those
  /// that were never put to use.
  private static func withoutEmptyStrays(
    _ numbers: [UInt64], listed newest: UInt64, in directory: StoreDirectory
  ) throws(StorageError) -> [UInt64] {
    var result: [UInt64] = []
    for number in numbers {
      if number > newest {
        do throws(StorageError) {
          let reader = try SalvageFrameReader(try directory.open(.log(number), .read), end: nil)
          if reader.header.number != number && numbers.contains(reader.header.number) { continue }
          if newest > 0, try !holdsCommits(reader) { continue }
        } catch {
          guard error.isDamage else { throw error }
          if newest > 0 { continue }
        }
      }
      result.append(number)
    }
    return result
  }

  /// Whether a log has frames of commits of its own, not only carried ones.
  private static func holdsCommits(_ reader: SalvageFrameReader) throws(StorageError) -> Bool {
    while let finding = try reader.next() {
      if case .frame(let frame) = finding, frame.header.kind == .group { return true }
    }
    return false
  }

  private func merge(
    _ sources: Sources, into take: (KeyValue) throws(StorageError) -> Void
  ) throws(StorageError) {
    let runs = SalvageCursor.runs(of: sources.segments.segments)
    let cursors = runs.map { run in
      SalvageCursor(run, directory: source, decompressor: decompressor) { loss in
        findings.lose(
          loss.isWhole ? .segment : .block, loss.error,
          range: loss.range, firstSequence: loss.segment.smallestSequence,
          lastSequence: loss.segment.largestSequence)
      }
    }
    let memtable = sources.logs.memtable
    let removals = RangeTombstoneSet(sources.segments.removals + memtable.rangeRemovals.all)
    let merged = MergingCursor(cursors + [memtable.makeCursor()])
    try merged.seekToFirst()
    var key = AppendBuffer(capacity: 64)
    var isFirst = true
    while merged.isValid {
      // Of each key the newest entry comes first, and decides.
      if isFirst || EntryOrder.compare(merged.key, key.bytes) != 0 {
        isFirst = false
        key.replaceContents(with: merged.key)
        if let value = try visibleValue(of: merged, removals, sources.values) {
          try take(KeyValue(key: [UInt8](key.bytes), value: value))
          findings.countKey()
        }
      }
      try merged.next()
    }
  }

  /// The value to be taken over of the entry at which a cursor stands, if any.
  private func visibleValue(
    of entry: SourceCursor, _ removals: RangeTombstoneSet, _ values: SalvagedValues
  ) throws(StorageError) -> [UInt8]? {
    let sequence = entry.trailer.sequence
    guard entry.trailer.isValue, removals.newestCovering(entry.key, visibleAt: .max) <= sequence else {
      return nil
    }
    if findings.isDoubtful(entry.key, sequence), !options.keepsDoubtful { return nil }
    guard entry.trailer.kind == .handle else { return [UInt8](entry.value) }
    do throws(StorageError) {
      return try values.read(try ValueHandle(stored: entry.value))
    } catch {
      guard error.isDamage else { throw error }
      findings.lose(
        .value, error, range: .key([UInt8](entry.key)), firstSequence: sequence, lastSequence: sequence)
      return nil
    }
  }
}
