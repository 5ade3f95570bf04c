import CairnKV
import Synchronization

/// What a reader needs to see the store as it was at one moment: the memtables and the segments. Never
/// changes.
final class ReadState: Sendable {
  let active: Memtable
  /// Memtables that wait to be flushed, newest first.
  let sealed: [Memtable]
  let version: Version
  /// What is known of the store's keys, whatever sources they are in.
  let emptyRanges: EmptyRanges

  init(active: Memtable, sealed: [Memtable], version: Version, emptyRanges: EmptyRanges) {
    self.active = active
    self.sealed = sealed
    self.version = version
    self.emptyRanges = emptyRanges
  }

  /// Newest first.
  var memtables: [Memtable] { [active] + sealed }
}

/// The log-structured tree: the current memtables and segments, and the one way to change which they are.
///
/// Lock order: `changes`, then `current`. Readers take only `current`, for as long as it takes to copy a
/// reference.
final class Tree: Sendable {
  let directory: StoreDirectory
  let manifest: Manifest
  let openSegments: OpenSegments
  let logFiles: LogFiles
  let snapshots = SnapshotRegistry()
  let emptyRanges: EmptyRanges

  let reclaimer: FileReclaimer
  /// For memtables and the frames that become part of them.
  let pool: PagePool
  private let openValueFiles: OpenValueFiles
  private let current: CurrentState
  /// Held while the manifest is changed. The compaction that is under way.
  private let changes = Mutex<Compaction?>(nil)
  /// Held while a file is made beside the background work.
  private let creation = Mutex(())
  private let publishedSequence: Atomic<UInt64>
  private let nextFileNumber: Atomic<UInt64>
  private let isClosed = Atomic<Bool>(false)
  /// What was changed since somebody last asked, by the work that changed it.
  private let unreported = Mutex<[EngineEvent.Work: TreeChange]>([:])

  init(
    directory: StoreDirectory, manifest: Manifest, openSegments: OpenSegments, logFiles: LogFiles,
    openValueFiles: OpenValueFiles, reclaimer: FileReclaimer,
    pool: PagePool, memtables: [Memtable], lastSequence: UInt64
  ) {
    self.directory = directory
    self.manifest = manifest
    self.openSegments = openSegments
    self.logFiles = logFiles
    self.reclaimer = reclaimer
    self.pool = pool
    self.openValueFiles = openValueFiles
    let state = manifest.state
    let version = Version(levels: []).successor(
      state,
      makeValueFile: { ValueFile($0, openFiles: openValueFiles, reclaimer: reclaimer) },
      makeSegment: { SegmentFile($0, openSegments: openSegments, reclaimer: reclaimer) })
    let newestFirst = memtables.reversed()
    emptyRanges = EmptyRanges(lastSequence: lastSequence)
    current = CurrentState(
      ReadState(
        active: newestFirst.first ?? Memtable(oldestLog: state.logs.last ?? 0, pool: pool),
        sealed: Array(newestFirst.dropFirst()),
        version: version, emptyRanges: emptyRanges))
    publishedSequence = Atomic(lastSequence)
    nextFileNumber = Atomic(state.nextFileNumber)
  }

  // MARK: Closing

  /// From here on ``checkOpen()`` throws: the files may be another opener's.
  func close() {
    isClosed.store(true, ordering: .releasing)
    creation.withLock { _ in }
  }

  func checkOpen() throws(StorageError) {
    if isClosed.load(ordering: .acquiring) { throw StorageError(.closed, "the store was closed") }
  }

  // MARK: Reading

  var state: ReadState { reference.state }

  /// The current state, for those who look at it often: it is counted where other threads do not count.
  var reference: StateReference { current.withReference { $0 } }

  /// What is accounted for against ``EngineOptions/memoryLimit``: memtables, cached blocks, and what open
  /// segments and value files keep in memory.
  var accountedBytes: Int {
    state.memtables.reduce(0) { $0 + $1.reservedBytes } + pool.bytes
      + openSegments.cache.accountedBytes
  }

  /// The newest sequence number that readers may see.
  var published: UInt64 { publishedSequence.load(ordering: .acquiring) }

  /// The current state, and the sequence number to read it at.
  func view() -> (StateReference, UInt64) {
    // The state first: what is published later may be in a memtable that this state does not have.
    current.withReference { ($0, published) }
  }

  /// The same, with the sequence number registered so that compactions keep what it sees. To be taken back
  /// with ``SnapshotRegistry/remove(_:)``.
  func registeredView() -> (StateReference, UInt64) {
    current.withReference { reference in
      let sequence = published
      snapshots.add(sequence)
      return (reference, sequence)
    }
  }

  // MARK: Changing

  /// Lets readers see everything up to `sequence`. Only the commit leader calls it.
  func publish(_ sequence: UInt64) { publishedSequence.store(sequence, ordering: .releasing) }

  func allocateFileNumber() -> UInt64 { nextFileNumber.add(1, ordering: .relaxed).oldValue }

  /// Makes a file, unless the store was closed: it would be in another opener's way.
  func create(_ entry: StoreDirectory.Entry) throws(StorageError) -> any File {
    try creation.withLock { (_) throws(StorageError) in
      try checkOpen()
      return try directory.open(entry, .create)
    }
  }

  /// Puts an empty memtable in the place of the active one, which then waits to be flushed.
  func seal(replacingWith memtable: Memtable) {
    emptyRanges.beginMemtable(after: published)
    _ = current.change { state in
      ReadState(
        active: memtable, sealed: [state.active] + state.sealed, version: state.version,
        emptyRanges: emptyRanges)
    }
  }

  /// Makes an edit durable, then visible. On a disk that is full, the files that it adds are removed: the
  /// next try writes them anew.
  ///
  /// - Parameter flushed: the memtable that the edit's segments take the place of.
  func apply(_ edit: VersionEdit, flushed: Memtable? = nil) throws(StorageError) {
    try changes.withLock { (_) throws(StorageError) in try applyLocked(edit, flushed: flushed) }
  }

  /// What the store consists of now, and what keeps all these files as they are.
  func holdFiles() -> (state: VersionState, version: StateReference, logs: LogFiles.Hold) {
    changes.withLock { _ in (manifest.state, reference, logFiles.hold()) }
  }

  /// Raises the store's format version, durably.
  func ratchetFormat(to version: FormatVersion) throws(StorageError) {
    try changes.withLock { (_) throws(StorageError) in
      if let refusal = directory.latch.refusal { throw refusal }
      try manifest.ratchet(to: version)
    }
  }

  /// Chooses the compaction to run from the current version. Until ``endCompaction()`` nobody puts a segment
  /// where its outputs may come to lie.
  func beginCompaction(_ pick: (Version) -> Compaction?) -> (Compaction, Version)? {
    changes.withLock { running in
      let version = state.version
      guard let compaction = pick(version) else { return nil }
      running = compaction
      return (compaction, version)
    }
  }

  func endCompaction() { changes.withLock { $0 = nil } }

  /// Makes what an ingest has written part of the store, durably, and publishes its sequence numbers. Whoever
  /// calls it has seen to it that no memtable has anything within its bounds, and goes on doing so until it
  /// returns.
  ///
  /// Each segment goes as deep as there is nothing above or beside it: the deeper, the less it is rewritten.
  /// - Parameter sequenceBase: what its relative sequence numbers count from.
  func install(_ ingest: PreparedIngest, sequenceBase: UInt64) throws(StorageError) {
    try changes.withLock { (running) throws(StorageError) in
      let version = state.version
      var edit = VersionEdit()
      for segment in ingest.segments {
        guard let properties = segment.rebased(by: sequenceBase) else {
          throw StorageError(.internalInconsistency, "an ingest is given numbers that there are not")
        }
        var level = version.deepestLevel(forNewest: properties.range)
        if let running, running.range.overlaps(properties.range) {
          level = min(level, running.targetLevel - 1)
        }
        edit.addedSegments.append(.init(level: level, properties: properties))
      }
      edit.addedValueFiles = ingest.valueFiles
      edit.addedOrigins = ingest.valueFiles.compactMap { ValueLiveness($0) }
      let last = sequenceBase + UInt64(ingest.sequenceCount)
      edit.lastSequence = last
      emptyRanges.cut(ingest.bounds, upTo: last)
      try applyLocked(edit, flushed: nil, publishing: last)
    }
  }

  /// Puts a value file in the place of others, whose live records it holds under their names.
  ///
  /// What has died since they were looked at stays dead: names and liveness are the same in every file.
  /// - Returns: `false`, with nothing changed, when nothing in the file is live any more.
  func replaceValueFiles(_ numbers: [UInt64], with file: ValueFileProperties) throws(StorageError) -> Bool {
    try changes.withLock { (_) throws(StorageError) in
      let values = manifest.state.values
      guard values.isAnythingLive(in: file) else { return false }
      var edit = VersionEdit()
      edit.addedValueFiles = [file]
      edit.removedValueFiles = numbers.filter { values.files[$0] != nil }
      try applyLocked(edit, flushed: nil)
      return true
    }
  }

  /// Whoever calls it holds `changes`.
  ///
  /// - Parameter sequence: the last number of an ingest that the edit lets take effect.
  private func applyLocked(
    _ edit: VersionEdit, flushed: Memtable?, publishing sequence: UInt64? = nil
  ) throws(StorageError) {
    var complete = edit
    complete.nextFileNumber = nextFileNumber.load(ordering: .relaxed)
    // What the edit relies on may have been lost with somebody else's failed sync.
    if let refusal = directory.latch.refusal { throw refusal }
    do throws(StorageError) {
      try manifest.apply(complete, sealing: sequence != nil)
    } catch {
      // A full disk that has not tripped the latch was found before anything was written.
      if error.code == .full && directory.latch.refusal == nil { removeFiles(addedBy: edit) }
      throw error
    }
    let manifestState = manifest.state
    let removed = Set(edit.removedSegments).subtracting(edit.addedSegments.map(\.properties.fileNumber))
    let version = state.version.successor(
      manifestState,
      makeValueFile: { ValueFile($0, openFiles: openValueFiles, reclaimer: reclaimer) },
      makeSegment: { SegmentFile($0, openSegments: openSegments, reclaimer: reclaimer) })
    // The state that goes is let go outside the lock: its last reference may remove files.
    let former = current.change { former in
      let state = ReadState(
        active: former.active, sealed: former.sealed.filter { $0 !== flushed }, version: version,
        emptyRanges: emptyRanges)
      // Together: whoever registers a snapshot once the version is there sees all that is in it, and so may
      // everything go that removals in it hide.
      if let sequence { publish(sequence) }
      return state
    }
    if let work = TreeChange.work(of: edit, flushed: flushed) {
      unreported.withLock { $0[work, default: TreeChange()].add(edit, to: former.version, flushed: flushed) }
    }
    for segment in former.version.levels.joined() where removed.contains(segment.number) {
      segment.markObsolete()
    }
    for (number, file) in former.version.valueFiles where version.valueFiles[number] == nil {
      file.markObsolete()
    }
  }

  /// What one kind of work has changed since this was last called; `nil` for nothing.
  func takeChange(of work: EngineEvent.Work) -> TreeChange? {
    unreported.withLock { $0.removeValue(forKey: work) }
  }

  private func removeFiles(addedBy edit: VersionEdit) {
    for segment in edit.addedSegments where !edit.removedSegments.contains(segment.properties.fileNumber) {
      try? directory.remove(.segment(segment.properties.fileNumber))
    }
    for file in edit.addedValueFiles { try? directory.remove(.values(file.fileNumber)) }
  }
}
