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
  private let removals: [RangeTombstone]
  private var segment: (builder: SegmentBuilder, file: any File)?
  private var values: (builder: ValueFileBuilder, file: any File)?
  private var written = SegmentOutput.Written()
  private var begun: [StoreDirectory.Entry] = []
  /// Where the current segment begins to speak for.
  private var lowerCut: [UInt8] = []

  init(_ output: SegmentOutput, removals: [RangeTombstone]) {
    self.output = output
    self.removals = removals
  }

  /// Adds the next entry. It must sort after the last one.
  func add(
    key: UnsafeRawBufferPointer, trailer: EntryTrailer, value: UnsafeRawBufferPointer
  ) throws(StorageError) {
    let builder: SegmentBuilder
    if let segment,
      segment.builder.estimatedSize < UInt64(output.targetBytes) || segment.builder.endsWith(key)
    {
      builder = segment.builder
    } else {
      if segment != nil { try finishSegment(before: [UInt8](key)) }
      builder = try beginSegment()
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

  /// Writes what remains. All of it is durable once the files are, and the directory.
  func finish() throws(StorageError) -> SegmentOutput.Written {
    let rest = SegmentOutput.clip(removals, from: lowerCut, to: nil)
    if segment == nil && !rest.isEmpty { _ = try beginSegment() }
    if segment != nil { try finishSegment(before: nil) }
    try finishValues()
    return written
  }

  /// Removes every file begun. What cannot be removed is a stray: the manifest never names it, and the next
  /// opening removes it.
  func discard() {
    output.files.discard(begun)
    begun = []
  }

  private func beginSegment() throws(StorageError) -> SegmentBuilder {
    let (file, number) = try begin { .segment($0) }
    let builder = SegmentBuilder(
      file: file, fileNumber: number, salt: output.random.next(), options: output.segmentOptions)
    segment = (builder, file)
    return builder
  }

  private func finishSegment(before cut: [UInt8]?) throws(StorageError) {
    guard let finished = segment else { return }
    segment = nil
    for removal in SegmentOutput.clip(removals, from: lowerCut, to: cut) { try finished.builder.add(removal) }
    written.segments.append(try finished.builder.finish())
    try output.files.complete(finished.file)
    if let cut { lowerCut = cut }
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
