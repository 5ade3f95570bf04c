import CairnKV

/// One ingest on its way: what has to be done next, for a thread or a task to do.
///
/// Building goes on beside all commits. What is left for the commit leader is short, unless commits into the
/// same range keep filling a memtable: then, after a few tries, it waits for the flush itself.
struct Ingestion: ~Copyable {
  enum Step {
    /// Wait until the files are durable.
    case settle
    /// Commit this, and hand the outcome to ``note(_:)``.
    case commit(CommitRequest)
    /// Wait for a flush.
    case flush
    case done(CommitPosition?)
  }

  private enum Stage {
    case written
    case durable
    /// So many tries have met keys of the range in a memtable.
    case waitingForFlush(tries: Int)
    case committed(CommitPosition?)
  }

  let files: IngestFiles
  private let tree: Tree
  private let range: KeyRange
  private let isReplacing: Bool
  private let byteLimit: Int
  private var written = SegmentOutput.Written()
  private var stage = Stage.written
  private var snapshot: UInt64?

  /// After so many tries commits wait for the flush.
  private static let greatestTries = 4

  init(_ tree: Tree, files: IngestFiles, range: KeyRange, isReplacing: Bool, byteLimit: Int) {
    self.tree = tree
    self.files = files
    self.range = range
    self.isReplacing = isReplacing
    self.byteLimit = byteLimit
  }

  deinit { if let snapshot { tree.snapshots.remove(snapshot) } }

  /// Has `body` write everything into the files.
  mutating func write<Result>(
    _ output: SegmentOutput, _ body: (inout SortedIngest) throws -> Result
  ) throws -> Result {
    var removals: [RangeTombstone] = []
    if isReplacing { removals = [RangeTombstone(lower: range.lower, upper: range.upper, sequence: 1)] }
    var ingest = SortedIngest(
      SortedRunWriter(output, removals: removals), range: range,
      sequence: PreparedIngest.sequenceOfEntries(isReplacing: isReplacing))
    let result = try body(&ingest)
    if ingest.count > 0 { written = try ingest.finish() }
    return result
  }

  mutating func next() throws(StorageError) -> Step {
    switch stage {
    case .written where written.segments.isEmpty: return try nextWithoutEntries()
    case .written:
      stage = .durable
      return .settle
    case .durable:
      try checkEmptiness()
      return .commit(request(holdingUpCommits: false))
    case .waitingForFlush(let tries):
      for memtable in tree.state.sealed where try memtable.overlaps(prepared.bounds) { return .flush }
      return .commit(request(holdingUpCommits: tries >= Self.greatestTries))
    case .committed(let position): return .done(position)
    }
  }

  /// - Parameter position: where the ingest has taken its place; `nil` when it has to be tried again.
  mutating func note(_ position: CommitPosition?) {
    if let position {
      stage = .committed(position)
    } else if case .waitingForFlush(let tries) = stage {
      stage = .waitingForFlush(tries: tries + 1)
    } else {
      stage = .waitingForFlush(tries: 1)
    }
  }

  /// A removal of the range by itself is a commit like any other.
  private mutating func nextWithoutEntries() throws(StorageError) -> Step {
    var batch = WriteBatch(byteLimit: byteLimit)
    if isReplacing { try batch.remove(range) }
    if batch.isEmpty { return .done(nil) }
    return .commit(
      CommitRequest(.batch, batch: batch, reads: ReadSet(), snapshot: 0, durability: .durable))
  }

  /// Looks for a key in the range before the leader has to. What is newer than this look, the leader finds as
  /// it finds what a transaction conflicts with.
  private mutating func checkEmptiness() throws(StorageError) {
    if isReplacing || snapshot != nil { return }
    let (state, sequence) = tree.registeredView()
    snapshot = sequence
    try ReadView(state, snapshot: sequence).requireEmpty(range)
  }

  private var prepared: PreparedIngest {
    PreparedIngest(
      isReplacing: isReplacing, segments: written.segments, valueFiles: written.valueFiles,
      emptyRange: isReplacing ? nil : range)
  }

  private func request(holdingUpCommits: Bool) -> CommitRequest {
    CommitRequest(
      .ingest(prepared, holdingUpCommits: holdingUpCommits), batch: WriteBatch(byteLimit: 0),
      reads: ReadSet(), snapshot: snapshot ?? 0, durability: .durable)
  }
}

extension ReadView {
  /// - Throws: `.invalidArgument` when there is a key in `range`.
  func requireEmpty(_ range: KeyRange) throws(StorageError) {
    var cursor = try cursor(range, own: nil)
    try cursor.seekToFirst()
    guard cursor.isValid else { return }
    let key = SortedIngest.text([UInt8](cursor.key))
    throw StorageError(
      .invalidArgument,
      "the ingest's range holds the key \(key); replace what is there, or choose another range")
  }
}
