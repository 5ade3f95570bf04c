import Synchronization

extension Engine {
  /// What happens inside the store from now on: flushes, compactions, stalls, failures. Every call makes a
  /// listener of its own; see ``EngineEvents`` for what happens to one that does not keep up. Ends when the store
  /// is closed.
  public var events: EngineEvents { EngineEvents(tree.directory.events) }

  /// What the store has done since it was opened, and what it takes now.
  ///
  /// Reads no file. Costs time in proportion to the number of segments and value files: for a look now and
  /// then, not for every commit. Works on a closed store, too.
  public func statistics() -> EngineStatistics {
    let counters = tree.directory.counters
    let seldom = counters.seldom
    var result = EngineStatistics()
    result.commits = counters.commits.load(ordering: .relaxed)
    result.groups = counters.groups.load(ordering: .relaxed)
    result.userBytes = counters.userBytes.load(ordering: .relaxed)
    result.logBytes = counters.logBytes.load(ordering: .relaxed)
    result.synchronizations = counters.synchronizations
    result.flushes = seldom.flushes
    result.compactions = seldom.compactions
    result.rewritings = seldom.rewritings
    result.ingests = seldom.ingests
    result.pacing = seldom.pacing
    result.stalls = seldom.stalls
    result.removals.count = counters.removedFiles.load(ordering: .relaxed)
    result.removals.bytes = counters.removedBytes.load(ordering: .relaxed)
    (result.removals.waitingCount, result.removals.waitingBytes) = tree.reclaimer.waiting
    let state = tree.state
    result.memory = EngineStatistics.Memory(state)
    result.cache = EngineStatistics.Cache(tree.openSegments.cache)
    let snapshots = tree.snapshots.live
    result.snapshots.count = snapshots.count
    result.snapshots.oldestAge = snapshots.first.map { tree.published - min($0, tree.published) } ?? 0
    result.space = EngineStatistics.Space(state.version, tree.logFiles)
    result.levels = state.version.levels.indices.map { level in
      EngineStatistics.Level(
        segmentCount: state.version.levels[level].count, bytes: state.version.bytes(of: level))
    }
    result.compactionDebtBytes = background.compactionDebt(of: state.version)
    return result
  }
}

extension EngineStatistics.Memory {
  fileprivate init(_ state: ReadState) {
    activeMemtableBytes = UInt64(state.active.reservedBytes)
    sealedMemtables = state.sealed.count
    sealedMemtableBytes = state.sealed.reduce(0) { $0 + UInt64($1.reservedBytes) }
  }
}

extension EngineStatistics.Cache {
  fileprivate init(_ cache: BlockCache) {
    capacityBytes = UInt64(cache.capacityBytes)
    blockBytes = UInt64(cache.usedBytes)
    openFileBytes = UInt64(max(0, cache.reservedBytes))
    hits = cache.hits
    misses = cache.misses
  }
}

extension EngineStatistics.Space {
  fileprivate init(_ version: Version, _ logFiles: LogFiles) {
    (logCount, logBytes) = logFiles.listed
    spareBytes = logFiles.spareBytes
    segmentCount = version.levels.reduce(0) { $0 + $1.count }
    segmentBytes = version.levels.indices.reduce(0) { $0 + version.bytes(of: $1) }
    valueFileCount = version.values.files.count
    for file in version.values.files.values {
      valueFileBytes += file.fileBytes
      liveValueBytes += version.values.liveBytes(of: file)
    }
  }
}
