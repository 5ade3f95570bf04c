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
  private let tree: Tree
  private let background: BackgroundWork
  private let latch: FailureLatch
  private let options: EngineOptions
  private let buffer: FrameBuffer
  private var log: FrameWriter
  private var nextSequence: UInt64
  /// What logs that were ended since the active memtable was begun take.
  private var endedLogBytes: UInt64 = 0
  private var hasAskedForSpare = false

  private static let greatestSealedMemtables = 2
  private static let greatestRangeRemovals = 1024
  private static let logGrowth: UInt64 = 4

  init(
    tree: Tree, background: BackgroundWork, latch: FailureLatch, options: EngineOptions, log: FrameWriter,
    buffer: FrameBuffer
  ) {
    self.tree = tree
    self.background = background
    self.latch = latch
    self.options = options
    self.log = log
    self.buffer = buffer
    nextSequence = tree.published + 1
  }

  /// Gives every request of the group its outcome.
  func write(_ group: [CommitRequest]) {
    do throws(StorageError) {
      if let refusal = latch.refusal { throw refusal }
      try makeRoom()
    } catch {
      for request in group { request.outcome = .failure(error) }
      return
    }
    let firstSequence = nextSequence
    let accepted = group.filter { order($0) }
    do throws(StorageError) {
      if let refusal = latch.refusal, !accepted.isEmpty { throw refusal }
      if !accepted.isEmpty {
        try log.append(.group, firstSequence: firstSequence, batchCount: UInt32(accepted.count))
      }
      if accepted.contains(where: { $0.durability == .durable }) { try log.synchronize() }
    } catch {
      return fail(accepted, error)
    }
    tree.publish(nextSequence - 1)
    for request in group where request.work == .close {
      request.outcome = Result { () throws(StorageError) in try end() }
    }
  }

  /// Validates a request, gives it its place, and adds it to the frame and the memtable.
  /// - Returns: whether it is part of the frame.
  private func order(_ request: CommitRequest) -> Bool {
    guard request.work == .batch else { return false }
    do throws(StorageError) {
      let state = tree.state
      if !request.reads.isEmpty, try !state.isUnchanged(request.reads, since: request.snapshot) {
        throw StorageError(.conflict, "something that the transaction had read was changed by another one")
      }
      let count = UInt64(request.batch.count)
      guard count <= EntryTrailer.firstOwnSequence - nextSequence else {
        throw StorageError(
          .full, "the store has used up its sequence numbers; copy its content into a new one")
      }
      request.batch.resolve(at: nextSequence)
      let isWhole = request.batch.bytes.withUnsafeBytes {
        BatchDecoder.apply($0, count: request.batch.count, firstSequence: nextSequence, to: state.active)
      }
      guard isWhole else {
        // Part of it is in the memtable under numbers that would be given out again.
        let error = StorageError(.invalidArgument, "a batch does not decode as what it was built from")
        latch.trip(error)
        throw error
      }
      BatchGroup.append(request.batch, to: buffer)
      request.outcome = .success(CommitPosition(rawValue: nextSequence))
      nextSequence += count
      return true
    } catch {
      request.outcome = .failure(error)
      return false
    }
  }

  private func fail(_ requests: [CommitRequest], _ error: StorageError) {
    latch.trip(error)
    let unknown = StorageError(
      .outcomeUnknown,
      "writing the commit failed: \(error.message). Reopen the store to learn whether it is there",
      file: error.file, offset: error.offset, systemError: error.systemError)
    for request in requests { request.outcome = .failure(unknown) }
  }

  private func end() throws(StorageError) -> CommitPosition? {
    if let refusal = latch.refusal { throw refusal }
    do throws(StorageError) {
      try log.appendSeal(lastSequence: nextSequence)
      try log.file.close()
    } catch {
      latch.trip(error)
      throw error
    }
    return nil
  }

  // MARK: Room

  /// Seals the memtable when it is full, and begins a new log when the current one is.
  private func makeRoom() throws(StorageError) {
    defer { buffer.removeAll() }
    let memtable = tree.state.active
    let limit = options.memtableLimit
    let isFull =
      memtable.reservedBytes > limit || endedLogBytes + log.end.offset > UInt64(limit)
      || memtable.rangeRemovalCount >= Self.greatestRangeRemovals
    if isFull && !memtable.isEmpty {
      try background.waitForRoom(greatestSealedMemtables: Self.greatestSealedMemtables)
      try beginLog(sealing: true)
      background.scheduleFlush()
    } else if log.end.offset >= log.capacity && tree.logFiles.hasSpare {
      try beginLog(sealing: false)
    }
    askForSpare()
  }

  private func beginLog(sealing: Bool) throws(StorageError) {
    do throws(StorageError) {
      try log.synchronize()
    } catch {
      latch.trip(error)
      throw error
    }
    let number = tree.allocateFileNumber()
    let next: FrameWriter
    do throws(StorageError) {
      next = try tree.logFiles.createLog(number: number, predecessor: log.end, buffer: buffer)
    } catch {
      // A full disk may be emptied, and the log in use goes on until then.
      if error.code != .full || tree.directory.hasFailed { latch.trip(error) }
      throw error
    }
    var edit = VersionEdit()
    edit.addedLogs = [number]
    edit.lastSequence = nextSequence - 1
    do throws(StorageError) {
      try tree.apply(edit)
    } catch {
      latch.trip(error)
      throw error
    }
    if sealing {
      tree.seal(
        replacingWith: Memtable(oldestLog: number, firstChunkBytes: options.memtableFirstChunkBytes))
      endedLogBytes = 0
    } else {
      endedLogBytes += log.end.offset
    }
    // What the old log holds is durable, so that closing it can lose nothing.
    try? log.file.close()
    log = next
    hasAskedForSpare = false
  }

  /// Half-way through a log, has the next file made: larger, for a store that writes much.
  private func askForSpare() {
    guard !hasAskedForSpare, log.end.offset > log.capacity / 2 else { return }
    hasAskedForSpare = true
    let bytes = min(log.capacity * Self.logGrowth, FrameFile.roundedUp(UInt64(options.memtableLimit)))
    background.prepareSpare(bytes: max(bytes, options.firstLogBytes))
  }
}
