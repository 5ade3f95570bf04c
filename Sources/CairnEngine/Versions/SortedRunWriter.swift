import CairnKV

/// Makes the files of a sorted run, and makes them durable.
protocol OutputFiles {
  /// A new file, empty.
  func create(_ entry: StoreDirectory.Entry) throws(StorageError) -> any File
  /// Syncs and closes a file to which nothing will be written any more, now or later.
  func complete(_ file: any File) throws(StorageError)
  /// Removes files of a run that does not come about.
  func discard(_ entries: [StoreDirectory.Entry])
}

/// Writes a sorted run: entries in order into one segment or several, cut between keys, large values into
/// value files beside them, and range removals wherever they belong.
///
/// After an error nothing may be done but ``discard()``. Not for use from two threads at once.
final class SortedRunWriter {
  private let output: SegmentOutput
  private var removals: PendingRemovals
  private var cuts: OutputCuts
  private var segment: (builder: SegmentBuilder, file: any File)?
  private var values: (builder: ValueFileBuilder, file: any File)?
  private var written = SegmentOutput.Written()
  private var begun: [StoreDirectory.Entry] = []
  /// So much may be added before the next look at whether the segment ends: it cannot before.
  private var unwatchedBytes = 0

  /// An entry of short key and value takes about this beside them.
  private static let entryOverhead = 24
  /// Estimates of a segment's size change with its compression, so they are looked at now and then all the same.
  private static let greatestUnwatchedBytes = 64 << 10

  init(_ output: SegmentOutput, removals: [RangeTombstone]) {
    self.output = output
    self.removals = PendingRemovals(removals)
    cuts = OutputCuts(
      targetBytes: UInt64(clamping: output.targetBytes), rule: output.segmentOptions.prefixRule,
      below: output.below, greatestOverlapBytes: output.greatestOverlapBytes)
  }

  /// Adds the next entry. It must sort after the last one.
  func add(
    key: UnsafeRawBufferPointer, trailer: EntryTrailer, value: UnsafeRawBufferPointer
  ) throws(StorageError) {
    let bytes = key.count + value.count + Self.entryOverhead
    let builder: SegmentBuilder
    if unwatchedBytes >= bytes, let segment {
      unwatchedBytes -= bytes
      builder = segment.builder
    } else {
      builder = try builderAfterCut(before: key)
    }
    if let threshold = output.valueThreshold, trailer.kind == .value, value.count >= threshold {
      let handle = try moveOut(value).encoded()
      let ofHandle = EntryTrailer(sequence: trailer.sequence, kind: .handle)
      try withBytes(of: handle) { (handle) throws(StorageError) in
        try builder.add(key: key, trailer: ofHandle, value: handle)
      }
    } else {
      try builder.add(key: key, trailer: trailer, value: value)
    }
  }

  /// The builder that `key` goes to, after the segment has ended if it is to end before it.
  private func builderAfterCut(before key: UnsafeRawBufferPointer) throws(StorageError) -> SegmentBuilder {
    unwatchedBytes = 0
    while let start = removals.nextStart(notAfter: key) { try open(start) }
    try cutIfDue(before: key)
    let builder: SegmentBuilder
    if let segment { builder = segment.builder } else { builder = try beginSegment() }
    if removals.nextStart == nil {
      let room = cuts.uncutBytes(after: builder.estimatedSize + UInt64(removals.openBytes))
      unwatchedBytes = Int(min(room, UInt64(Self.greatestUnwatchedBytes)))
    }
    return builder
  }

  /// Notes that the last entry added is hidden by another one of its segment, or by a range removal in it.
  func noteSuperseded() { segment?.builder.noteSuperseded() }

  /// Writes what remains. All of it is durable once the files are, and the directory.
  func finish() throws(StorageError) -> SegmentOutput.Written {
    while let start = removals.nextStart { try open(start) }
    let rest = removals.finish()
    if segment != nil || !rest.isEmpty { try finishSegment(rest) }
    try finishValues()
    return written
  }

  /// Removes every file begun. What cannot be removed is a stray: the manifest never names it, and the next
  /// opening removes it.
  func discard() {
    output.files.discard(begun)
    begun = []
  }

  /// Takes in the next removal, which begins at `start`: a place where the segment before it may end, since a
  /// segment with two removals far from each other would overlap all that lies between.
  private func open(_ start: [UInt8]) throws(StorageError) {
    try withBytes(of: start) { (start) throws(StorageError) in try cutIfDue(before: start) }
    removals.openNext()
  }

  private func cutIfDue(before key: UnsafeRawBufferPointer) throws(StorageError) {
    guard segment != nil || removals.hasOpen else { return cuts.skip(to: key) }
    let bytes = (segment?.builder.estimatedSize ?? 0) + UInt64(removals.openBytes)
    guard cuts.isCut(before: key, after: segment?.builder.lastKey, bytes: bytes),
      segment?.builder.endsWith(key) != true
    else { return }
    let parts = removals.cut(at: [UInt8](key))
    // A removal that begins just where another one is cut leaves nothing behind.
    if segment != nil || !parts.isEmpty { try finishSegment(parts) }
    cuts.beginSegment()
  }

  private func beginSegment() throws(StorageError) -> SegmentBuilder {
    let (file, number) = try begin { .segment($0) }
    let builder = SegmentBuilder(
      file: file, fileNumber: number, salt: output.random.next(), options: output.segmentOptions,
      helper: output.helper)
    segment = (builder, file)
    return builder
  }

  private func finishSegment(_ removals: [RangeTombstone]) throws(StorageError) {
    if segment == nil { _ = try beginSegment() }
    guard let finished = segment else { return }
    segment = nil
    unwatchedBytes = 0
    for removal in removals { try finished.builder.add(removal) }
    written.segments.append(try finished.builder.finish())
    try output.files.complete(finished.file)
  }

  /// Writes a value to the value file, which is begun with the first.
  private func moveOut(_ value: UnsafeRawBufferPointer) throws(StorageError) -> ValueHandle {
    if let values, values.builder.estimatedSize >= output.valueFileBytes { try finishValues() }
    if let values { return try values.builder.append(value) }
    let (file, number) = try begin { .values($0) }
    let builder = ValueFileBuilder(
      file: file, fileNumber: number, salt: output.random.next(), options: output.valueOptions)
    values = (builder, file)
    return try builder.append(value)
  }

  private func finishValues() throws(StorageError) {
    guard let finished = values else { return }
    values = nil
    written.valueFiles.append(try finished.builder.finish())
    try output.files.complete(finished.file)
  }

  private func begin(
    _ entry: (UInt64) -> StoreDirectory.Entry
  ) throws(StorageError) -> (file: any File, number: UInt64) {
    let number = output.allocateFileNumber()
    begun.append(entry(number))
    return (try output.files.create(entry(number)), number)
  }
}
