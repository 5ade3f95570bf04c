/// What one kind of background work has changed in the tree, as the edits say that it made: for events, for
/// statistics, and for measuring how fast it is.
struct TreeChange: Hashable, Sendable {
  /// What a flush took out of memory: what its memtable took there or in its logs, whichever is more.
  var memtableBytes: UInt64 = 0
  /// The lowest level that a segment was taken from.
  var level = 0
  var removedSegments = EngineEvent.Files(count: 0, bytes: 0)
  var levelZeroRemoved = 0
  /// Segments with new content.
  var writtenSegments = EngineEvent.Files(count: 0, bytes: 0)
  /// Segments that are only at another level.
  var movedSegments = EngineEvent.Files(count: 0, bytes: 0)
  /// Segments in whose place nothing came.
  var droppedSegments = EngineEvent.Files(count: 0, bytes: 0)
  var addedValueBytes: UInt64 = 0
  var replacedValueFiles = EngineEvent.Files(count: 0, bytes: 0)

  /// Which work an edit belongs to; `nil` for one that is made in the foreground.
  static func work(of edit: VersionEdit, flushed: Memtable?) -> EngineEvent.Work? {
    if flushed != nil { return .flush }
    if !edit.removedValueFiles.isEmpty { return .rewriting }
    return edit.removedSegments.isEmpty ? nil : .compaction
  }

  /// Adds what an edit does to `former`.
  mutating func add(_ edit: VersionEdit, to former: Version, flushed: Memtable?) {
    if let flushed { memtableBytes += flushed.fillBytes }
    let removed = Set(edit.removedSegments)
    var taken = EngineEvent.Files(count: 0, bytes: 0)
    if !removed.isEmpty {
      for (level, segments) in former.levels.enumerated().reversed() {
        for segment in segments where removed.contains(segment.number) {
          taken.add(segment.properties.fileBytes)
          self.level = level
          if level == 0 { levelZeroRemoved += 1 }
        }
      }
    }
    for segment in edit.addedSegments {
      if removed.contains(segment.properties.fileNumber) {
        movedSegments.add(segment.properties.fileBytes)
      } else {
        writtenSegments.add(segment.properties.fileBytes)
      }
    }
    if flushed != nil || edit.addedSegments.isEmpty {
      droppedSegments.add(taken)
    } else {
      removedSegments.add(taken)
    }
    for file in edit.addedValueFiles { addedValueBytes += file.fileBytes }
    for number in edit.removedValueFiles {
      if let file = former.values.files[number] { replacedValueFiles.add(file.fileBytes) }
    }
  }

  /// Tells listeners, and counts.
  func report(_ work: EngineEvent.Work, nanoseconds: UInt64, _ directory: StoreDirectory) {
    switch work {
    case .flush: reportFlush(nanoseconds, directory)
    case .rewriting: reportRewriting(nanoseconds, directory)
    case .compaction: reportCompaction(nanoseconds, directory)
    case .logPreparation, .idleWork: break
    }
    if droppedSegments.count > 0 { directory.events.emit(.coveredFilesDropped(droppedSegments)) }
  }

  private func reportFlush(_ nanoseconds: UInt64, _ directory: StoreDirectory) {
    directory.counters.count {
      $0.flushes.count += 1
      $0.flushes.segmentBytes += writtenSegments.bytes
      $0.flushes.valueFileBytes += addedValueBytes
      $0.flushes.nanoseconds += nanoseconds
    }
    directory.events.emit(
      .flushFinished(
        .init(
          memtableBytes: memtableBytes, segmentBytes: writtenSegments.bytes, valueFileBytes: addedValueBytes,
          nanoseconds: nanoseconds)))
  }

  private func reportRewriting(_ nanoseconds: UInt64, _ directory: StoreDirectory) {
    directory.counters.count {
      $0.rewritings.count += 1
      $0.rewritings.writtenBytes += addedValueBytes
      $0.rewritings.reclaimedBytes += reclaimedValueBytes
      $0.rewritings.nanoseconds += nanoseconds
    }
    directory.events.emit(
      .valuesRewritten(
        .init(
          inputFiles: replacedValueFiles.count, inputBytes: replacedValueFiles.bytes,
          outputBytes: addedValueBytes, nanoseconds: nanoseconds)))
  }

  private func reportCompaction(_ nanoseconds: UInt64, _ directory: StoreDirectory) {
    guard removedSegments.count > 0 else { return }
    let read = removedSegments.bytes - min(removedSegments.bytes, movedSegments.bytes)
    directory.counters.count {
      $0.compactions.count += 1
      $0.compactions.readBytes += read
      $0.compactions.writtenBytes += writtenSegments.bytes
      $0.compactions.nanoseconds += nanoseconds
    }
    directory.events.emit(
      .compactionFinished(
        .init(
          level: level, inputSegments: removedSegments.count, inputBytes: removedSegments.bytes,
          outputSegments: writtenSegments.count + movedSegments.count, outputBytes: writtenSegments.bytes,
          isMove: writtenSegments.count == 0, nanoseconds: nanoseconds)))
  }

  var reclaimedValueBytes: UInt64 {
    replacedValueFiles.bytes - min(replacedValueFiles.bytes, addedValueBytes)
  }
}

extension EngineEvent.Files {
  mutating func add(_ bytes: UInt64) { add(Self(count: 1, bytes: bytes)) }

  mutating func add(_ other: Self) { self = Self(count: count + other.count, bytes: bytes + other.bytes) }
}
