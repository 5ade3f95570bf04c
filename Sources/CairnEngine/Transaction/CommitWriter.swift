import CairnKV

/// Writes commit groups: validates, orders, logs, applies, syncs, publishes.
///
/// Invariant that makes sharing it sound: ``write(_:)`` is called by one thread at a time, the leader, and
/// the lead passes from thread to thread through the pipeline's lock.
///
/// A request is applied to the memtable, unpublished, before its group is on disk. The memtable so always
/// holds everything ordered so far, and validating a request against it alone sees the earlier requests of
/// its own group as well. If the write then fails, nothing is ever published any more, and nobody sees what
/// was applied.
final class CommitWriter: @unchecked Sendable {
  let tree: Tree
  let background: BackgroundWork
  private let options: EngineOptions
  let buffer: FrameBuffer
  private(set) var log: FrameWriter
  var nextSequence: UInt64
  /// What the earlier logs take that the active memtable needs.
  private var endedLogBytes: UInt64
  private var hasAskedForSpare = false
  /// Whether a commit in this log was synced.
  private var hasSynchronized = false
  /// What the largest group in the current log takes there.
  private var greatestGroupBytes: UInt64 = 0
  private var pacer = WritePacer()
  private let lowWater: LowWaterMark
  /// What the group that is about to be taken has waited for.
  private var pacedBytes: UInt64 = 0

  private static let greatestRangeRemovals = 1024
  /// A copy of less costs less than memory of its own.
  private static let leastBytesInPlace = 32 << 10
  private static let logGrowth: UInt64 = 4
  /// And is to hold so many groups like the largest: a young store's first large commits would else each need a log of
  /// their own, or more than it has.
  private static let groupsPerLog: UInt64 = 16

  var latch: FailureLatch { tree.directory.latch }

  /// - Parameter keptLogBytes: What the logs of earlier sessions take that are needed still.
  init(
    tree: Tree, background: BackgroundWork, options: EngineOptions, log: FrameWriter, keptLogBytes: UInt64,
    buffer: FrameBuffer, lowWater: LowWaterMark
  ) {
    self.lowWater = lowWater
    self.tree = tree
    self.background = background
    endedLogBytes = keptLogBytes
    self.options = options
    self.log = log
    self.buffer = buffer
    nextSequence = tree.published + 1
  }

  /// Gives every request of the group its outcome.
  func write(_ group: [CommitRequest]) {
    let batches = group.filter { $0.work == .batch }
    do throws(StorageError) {
      if !batches.isEmpty { try write(batches: batches) }
    } catch {
      for request in batches { request.outcome = .failure(error) }
    }
    for request in group {
      guard case .ingest(let ingest, let holdingUpCommits) = request.work else { continue }
      request.outcome = Result { () throws(StorageError) in
        try install(ingest, checkedAt: request.snapshot, holdingUpCommits: holdingUpCommits)
      }
    }
    for request in group {
      guard case .flush(let keepingLogFiles) = request.work else { continue }
      request.outcome = Result { () throws(StorageError) in
        try beginFlush(keepingLogFiles: keepingLogFiles)
        return nil
      }
    }
    for request in group {
      guard case .cut(let cut) = request.work else { continue }
      request.outcome = Result { () throws(StorageError) in
        try fill(cut)
        return nil
      }
    }
    for request in group where request.work == .close {
      request.outcome = Result { () throws(StorageError) in
        try seal()
        try noteEnd()
        try log.file.close()
        return nil
      }
    }
  }

  /// - Throws: why nothing was written. What fails later is in the requests' outcomes.
  private func write(batches given: [CommitRequest]) throws(StorageError) {
    if let refusal = latch.refusal { throw refusal }
    background.endIdleness()
    let batches = admitted(given)
    if batches.isEmpty { return }
    let payloadBytes = batches.reduce(0) { $0 + $1.bytes + BatchGroup.headerBytes }
    settle(Self.frameBytes(payloadBytes))
    try makeRoom()
    try log.reserve(payloadBytes: payloadBytes)
    let firstSequence = nextSequence
    let state = tree.state
    let inPlace = Self.staysInPlace(batches, payloadBytes: payloadBytes)
    buffer.reserve(payloadBytes: payloadBytes, tightly: inPlace)
    let entries = state.active.entryCount
    defer {
      if inPlace && state.active.entryCount > entries, let pages = buffer.takePages() {
        state.active.adopt(pages)
      } else {
        // What one large commit made it grow to is given back now, not by the next one.
        buffer.removeAll()
      }
    }
    let accepted = batches.filter { order($0, state, inPlace: inPlace) }
    if accepted.isEmpty { return }
    let start = log.end.offset
    let synchronizing = accepted.contains { $0.durability == .durable }
    if synchronizing { hasSynchronized = true }
    do throws(StorageError) {
      if let refusal = latch.refusal { throw refusal }
      try log.append(
        .group, firstSequence: firstSequence, batchCount: UInt32(accepted.count),
        synchronizing: synchronizing)
    } catch {
      return fail(accepted, error)
    }
    tree.publish(nextSequence - 1)
    count(accepted, logBytes: log.end.offset - start, state.active)
  }

  /// Those that there is room for: while there is little, what only removes.
  private func admitted(_ requests: [CommitRequest]) -> [CommitRequest] {
    let bytes = requests.reduce(0 as UInt64) { $0 + UInt64($1.bytes) }
    guard let refusal = lowWater.refusal(writing: bytes) else { return requests }
    return requests.filter { request in
      if !request.batch.setsAnything { return true }
      request.outcome = .failure(refusal)
      return false
    }
  }

  /// Whether the memtable keeps the frame, and large values in it where they are, instead of copies: the frame is
  /// then mostly large values.
  private static func staysInPlace(_ batches: [CommitRequest], payloadBytes: Int) -> Bool {
    let largeBytes = batches.reduce(0) { $0 + $1.batch.largeBytes }
    return largeBytes >= leastBytesInPlace && largeBytes > payloadBytes - payloadBytes / 8
  }

  private func count(_ accepted: [CommitRequest], logBytes: UInt64, _ memtable: Memtable) {
    let counters = tree.directory.counters
    counters.groups.count()
    counters.commits.count(UInt64(accepted.count))
    counters.userBytes.count(UInt64(accepted.reduce(0) { $0 + $1.bytes }))
    counters.logBytes.count(logBytes)
    memtable.note(loggedBytes: logBytes)
    greatestGroupBytes = max(greatestGroupBytes, logBytes)
    if log.end.offset > log.capacity { tree.logFiles.note(log: log.header.number, bytes: log.end.offset) }
  }

  /// Validates a request, gives it its place, and adds it to the frame and the memtable.
  /// - Returns: whether it is part of the frame.
  private func order(_ request: CommitRequest, _ state: ReadState, inPlace: Bool) -> Bool {
    do throws(StorageError) {
      if !request.reads.isEmpty, try !state.isUnchanged(request.reads, since: request.snapshot) {
        throw StorageError(.conflict, "something that the transaction had read was changed by another one")
      }
      let count = UInt64(request.batch.count)
      try checkSequences(count)
      request.batch.resolve(at: nextSequence)
      BatchGroup.append(request.batch, to: buffer)
      let encoded = UnsafeRawBufferPointer(rebasing: buffer.payload.suffix(request.bytes))
      // The buffer has it: a large commit is not to be held three times.
      request.batch.releaseBytes()
      let isWhole = BatchDecoder.apply(
        encoded, count: request.batch.count, firstSequence: nextSequence, to: state.active,
        inPlace: inPlace)
      guard isWhole else {
        // Part of it is in the memtable under numbers that would be given out again.
        let error = StorageError(
          .internalInconsistency, "a batch does not decode as what it was built from")
        latch.trip(error)
        throw error
      }
      tree.emptyRanges.cut(encoded)
      request.outcome = .success(CommitPosition(rawValue: nextSequence))
      nextSequence += count
      return true
    } catch {
      request.outcome = .failure(error)
      return false
    }
  }

  /// - Throws: `.full` when there are not so many numbers left.
  func checkSequences(_ count: UInt64) throws(StorageError) {
    guard count <= EntryTrailer.firstOwnSequence - nextSequence else {
      throw StorageError(
        .full, "the store has used up its sequence numbers; copy its content into a new one")
    }
  }

  private func fail(_ requests: [CommitRequest], _ error: StorageError) {
    latch.trip(error)
    let unknown = Self.unknownOutcome(error, of: "the commit")
    for request in requests { request.outcome = .failure(unknown) }
  }

  static func unknownOutcome(_ cause: StorageError, of what: String) -> StorageError {
    StorageError(
      .outcomeUnknown,
      "writing \(what) failed: \(cause.message). Reopen the store to learn whether it is there",
      file: cause.file, offset: cause.offset, systemError: cause.systemError)
  }

  /// Vouches for the newest frame when the store is idle, if that takes no more space.
  func sealInPassing() {
    guard log.hasRoomForSeal else { return }
    // What fails is remembered, and told to whoever commits next.
    try? seal()
  }

  /// Vouches for the newest frame, if nothing does yet: after this, damage to it is known for what it is.
  private func seal() throws(StorageError) {
    if let refusal = latch.refusal { throw refusal }
    do throws(StorageError) {
      try log.appendSeal(nextSequence: nextSequence)
    } catch {
      latch.trip(error)
      throw error
    }
  }

  /// Has the manifest say where the log ended: from then on a log that is cut off is known for what it is.
  private func noteEnd() throws(StorageError) {
    guard tree.manifest.state.formatVersion >= .two else { return }
    var edit = VersionEdit()
    edit.logEnd = log.end
    edit.lastSequence = nextSequence - 1
    do throws(StorageError) {
      try tree.apply(edit)
    } catch {
      // On a full disk the store is closed as well as it can be.
      guard error.code == .full, latch.refusal == nil else { throw error }
    }
  }

  // MARK: Pace

  /// Lets the leader wait before it takes a group, when background work does not keep up: so that others can
  /// still join.
  /// - Parameter bytes: what waits to be committed.
  func pace(bytes: () -> Int) {
    pacedBytes = 0
    let loads = loads
    if loads.isEmpty { return }
    let bytes = bytes()
    // There is no group, or it only closes the store.
    if bytes == 0 { return }
    pacedBytes = Self.frameBytes(bytes)
    let delay = pacer.delay(forBytes: pacedBytes, under: loads, at: background.time.monotonicNanoseconds())
    if delay == 0 { return }
    var waited: UInt64 = 0
    while waited < delay {
      waited += background.pause.wait(atMostNanoseconds: delay - waited)
      // A flush or compaction that is done may have made room.
      if waited < delay && self.loads.isEmpty { break }
    }
    tree.directory.counters.count { $0.pacing.add(waited) }
  }

  private func settle(_ bytes: UInt64) {
    if pacedBytes == 0 || bytes <= pacedBytes { return }
    pacer.add(joinedBytes: bytes - pacedBytes, at: background.time.monotonicNanoseconds())
    pacedBytes = 0
  }

  private var loads: [WritePacer.Load] {
    let state = tree.state
    let limit = Double(options.memtableLimit)
    let fill = max(
      Double(state.active.reservedBytes) / limit, Double(endedLogBytes + log.end.offset) / limit,
      Double(state.active.rangeRemovalCount) / Double(Self.greatestRangeRemovals))
    return background.gauge.loads(state, fill: fill)
  }

  private static func frameBytes(_ payloadBytes: Int) -> UInt64 {
    FrameFile.roundedUp(UInt64(FrameHeader.bytes + payloadBytes))
  }

  // MARK: Room

  /// Seals the memtable when it is full, and begins a new log when the current one is.
  /// - Parameter sealingEmpty: Whether a memtable is sealed that is empty, so that logs in which there are only
  ///   numbers of ingests are let go of as well.
  func makeRoom(sealingEmpty: Bool = false) throws(StorageError) {
    let memtable = tree.state.active
    let limit = options.memtableLimit
    let isFull =
      memtable.reservedBytes > limit || endedLogBytes + log.end.offset > UInt64(limit)
      || memtable.rangeRemovalCount >= Self.greatestRangeRemovals
    if isFull && (sealingEmpty || !memtable.isEmpty) {
      try background.waitForRoom()
      try beginLog(sealing: true)
      background.scheduleFlush()
    } else if log.isFull && tree.logFiles.hasSpare {
      try beginLog(sealing: false)
    }
    askForSpare()
  }

  /// What fails here without a sync's failing leaves everything as it was: the log in use goes on.
  func beginLog(sealing: Bool, startsSmall: Bool = false) throws(StorageError) {
    try log.synchronize()
    let number = tree.allocateFileNumber()
    let next = try tree.logFiles.createLog(
      number: number, predecessor: log.end, buffer: buffer, startsSmall: startsSmall)
    var edit = VersionEdit()
    edit.addedLogs = [number]
    edit.lastSequence = nextSequence - 1
    try tree.apply(edit)
    if sealing {
      tree.seal(
        replacingWith: Memtable(oldestLog: number, options, pool: tree.pool))
      endedLogBytes = 0
    } else {
      endedLogBytes += log.end.offset
    }
    // What the old log holds is durable, so that closing it can lose nothing.
    try? log.file.close()
    log = next
    hasAskedForSpare = false
    hasSynchronized = false
    greatestGroupBytes = 0
    tree.directory.events.emit(
      .logBegun(.init(number: number, capacityBytes: next.capacity, beginsMemtable: sealing)))
  }

  /// Half-way through a log, has the next file made: larger, for a store that writes much. Not while nothing is
  /// synced: then zeros would be written for nothing, as much as all commits together, and a log may as well grow.
  private func askForSpare() {
    guard hasSynchronized, !hasAskedForSpare, log.end.offset > log.capacity / 2 else { return }
    hasAskedForSpare = true
    // What is kept free is for what gives space back, not for zeros.
    if lowWater.isLow { return }
    let wanted = max(log.capacity * Self.logGrowth, greatestGroupBytes * Self.groupsPerLog)
    let bytes = min(wanted, FrameFile.roundedUp(UInt64(options.memtableLimit)))
    background.prepareSpare(bytes: max(bytes, options.firstLogBytes))
  }
}
