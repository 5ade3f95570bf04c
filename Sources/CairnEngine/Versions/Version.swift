import CairnKV

/// The segments and value files that the store consisted of at one moment. Never changes; a flush or a
/// compaction makes a new one.
final class Version: Sendable {
  /// Level 0 holds what was flushed, newest first, and its segments may overlap. Every other level is
  /// sorted by key, its segments are disjoint, and for any key its entries are newer than those of the
  /// levels after it.
  let levels: [[SegmentFile]]
  /// The same, for looking up keys.
  let table: SegmentTable
  /// The sequence number of the newest entry in any segment.
  let newestSequence: UInt64
  /// How many segments of level 0 overlap in one key at most. Segments beside each other, of which an ingest
  /// may add many, cost a reader next to nothing.
  let levelZeroDepth: Int
  /// Which value files there are, and what is in them.
  let values: ValueCatalog
  let valueFiles: [UInt64: ValueFile]

  init(levels: [[SegmentFile]], values: ValueCatalog = ValueCatalog(), valueFiles: [UInt64: ValueFile] = [:])
  {
    self.levels = levels
    table = SegmentTable(levels)
    self.values = values
    self.valueFiles = valueFiles
    newestSequence = levels.joined().reduce(0) { max($0, $1.properties.largestSequence) }
    levelZeroDepth = Self.depth(levels.first ?? [])
  }

  private static func depth(_ segments: [SegmentFile]) -> Int {
    let sorted = segments.map(\.properties).sorted { $0.lowerBound.lexicographicallyPrecedes($1.lowerBound) }
    var open: [SegmentProperties.UpperBound] = []
    var depth = 0
    for segment in sorted {
      open.removeAll { $0.isBefore(segment.lowerBound) }
      open.append(segment.upperBound)
      depth = max(depth, open.count)
    }
    return depth
  }

  /// The deepest level for a segment that is newer than all there are: nothing in it or above has a key of
  /// `range`. Level 0, where newer comes first, if there is none.
  func deepestLevel(forNewest range: KeyRange) -> Int {
    let free = levels.indices.prefix { segments(of: $0, overlapping: range).isEmpty }
    return free.last ?? 0
  }

  /// The version after an edit.
  ///
  /// - Parameter state: the manifest's state after the edit, which decides what belongs where.
  /// - Parameter makeValueFile: opens a handle for a value file that this version does not have.
  /// - Parameter makeSegment: the same for a segment.
  func successor(
    _ state: VersionState, makeValueFile: (ValueFileProperties) -> ValueFile,
    makeSegment: (SegmentProperties) -> SegmentFile
  ) -> Version {
    var known: [UInt64: SegmentFile] = [:]
    for segment in levels.joined() { known[segment.number] = segment }
    return Version(
      levels: state.levels.map { $0.map { known[$0.fileNumber] ?? makeSegment($0) } }, values: state.values,
      valueFiles: state.values.files.mapValues { valueFiles[$0.fileNumber] ?? makeValueFile($0) })
  }

  /// The segment of a sorted level whose bounds contain `key`.
  func segment(of level: Int, containing key: UnsafeRawBufferPointer) -> SegmentFile? {
    let segments = levels[level]
    let index = Self.firstIndex(in: segments[...], notBefore: key)
    guard index < segments.count, segments[index].properties.mayContain(key) else { return nil }
    return segments[index]
  }

  /// Whether the bounds of some segment contain `key`, of those in `level` or deeper.
  func mayContain(_ key: UnsafeRawBufferPointer, from level: Int) -> Bool {
    guard level < levels.count else { return false }
    if level == 0 && levels[0].contains(where: { $0.properties.mayContain(key) }) { return true }
    return (max(1, level)..<levels.count).contains { segment(of: $0, containing: key) != nil }
  }

  /// Whether the bounds of some segment touch `range`, of those in `level` or deeper.
  func overlaps(_ range: KeyRange, from level: Int) -> Bool {
    guard level < levels.count else { return false }
    return (level..<levels.count).contains { !segments(of: $0, overlapping: range).isEmpty }
  }

  /// The segments of a level whose bounds touch `range`.
  func segments(of level: Int, overlapping range: KeyRange) -> ArraySlice<SegmentFile> {
    let segments = levels[level]
    if segments.isEmpty { return [] }
    if level == 0 { return segments.filter { $0.properties.overlaps(range) }[...] }
    let first = range.lower.withUnsafeBytes { Self.firstIndex(in: segments[...], notBefore: $0) }
    var end = first
    while end < segments.count, segments[end].properties.overlaps(range) { end += 1 }
    return segments[first..<end]
  }

  /// The segments of a sorted level whose bounds touch those of `properties`. Costs a search.
  func segments(of level: Int, overlapping properties: SegmentProperties) -> ArraySlice<SegmentFile> {
    let segments = levels[level]
    let first = properties.lowerBound.withUnsafeBytes { Self.firstIndex(in: segments[...], notBefore: $0) }
    return segments[first...].prefix { !properties.upperBound.isBefore($0.properties.lowerBound) }
  }

  /// The segments of a sorted level, if there is such a level, that do not end before the least of `keys`.
  func segments(of level: Int, from keys: [[UInt8]]) -> [SegmentFile] {
    guard level < levels.count, let first = keys.min(by: { $0.lexicographicallyPrecedes($1) }) else {
      return []
    }
    return Array(
      levels[level][first.withUnsafeBytes { Self.firstIndex(in: levels[level][...], notBefore: $0) }...])
  }

  /// The file that the record of a handle is in.
  func reader(of handle: ValueHandle) throws(StorageError) -> ValueFileReader {
    guard let file = values.places[handle.origin].flatMap({ valueFiles[$0] }) else {
      throw StorageError(
        .corruption,
        "an entry refers to record \(handle.ordinal) of value file \(handle.origin), which the manifest does "
          + "not know; restore the store from a backup")
    }
    return try file.reader()
  }

  /// The value that a handle stands for.
  func read(_ handle: ValueHandle) throws(StorageError) -> [UInt8] { try reader(of: handle).read(handle) }

  func bytes(of level: Int) -> UInt64 { levels[level].reduce(0) { $0 + $1.properties.fileBytes } }

  /// The first segment of a sorted level that does not end before `key`.
  static func firstIndex(in segments: ArraySlice<SegmentFile>, notBefore key: UnsafeRawBufferPointer) -> Int {
    var low = segments.startIndex
    var high = segments.endIndex
    while low < high {
      let middle = (low + high) / 2
      if segments[middle].properties.upperBound.isBefore(key) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
