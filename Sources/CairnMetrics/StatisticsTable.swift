import CairnEngine

/// Which member of the statistics is published as what. A path is the member's, so that its documentation is found.
enum StatisticsTable {
  struct Row<Value>: Sendable {
    let path: String
    let value: @Sendable (EngineStatistics) -> Value

    init(_ path: String, _ value: @escaping @Sendable (EngineStatistics) -> Value) {
      self.path = path
      self.value = value
    }
  }

  /// What only grows while a store is open.
  static let counters: [Row<UInt64>] = [
    Row("commits") { $0.commits },
    Row("groups") { $0.groups },
    Row("userBytes") { $0.userBytes },
    Row("logBytes") { $0.logBytes },
    Row("flushes.count") { $0.flushes.count },
    Row("flushes.segmentBytes") { $0.flushes.segmentBytes },
    Row("flushes.valueFileBytes") { $0.flushes.valueFileBytes },
    Row("flushes.nanoseconds") { $0.flushes.nanoseconds },
    Row("compactions.count") { $0.compactions.count },
    Row("compactions.readBytes") { $0.compactions.readBytes },
    Row("compactions.writtenBytes") { $0.compactions.writtenBytes },
    Row("compactions.nanoseconds") { $0.compactions.nanoseconds },
    Row("rewritings.count") { $0.rewritings.count },
    Row("rewritings.writtenBytes") { $0.rewritings.writtenBytes },
    Row("rewritings.reclaimedBytes") { $0.rewritings.reclaimedBytes },
    Row("rewritings.nanoseconds") { $0.rewritings.nanoseconds },
    Row("ingests.count") { $0.ingests.count },
    Row("ingests.segmentBytes") { $0.ingests.segmentBytes },
    Row("ingests.valueFileBytes") { $0.ingests.valueFileBytes },
    Row("removals.count") { $0.removals.count },
    Row("removals.bytes") { $0.removals.bytes },
    Row("cache.hits") { $0.cache.hits },
    Row("cache.misses") { $0.cache.misses },
    Row("stalls.count") { $0.stalls.count },
    Row("stalls.nanoseconds") { $0.stalls.nanoseconds },
  ]

  static let histograms: [Row<LatencyHistogram>] = [
    Row("synchronizations") { $0.synchronizations },
    Row("pacing") { $0.pacing },
  ]

  /// What goes up and down. Nothing of it is ever below zero.
  static let meters: [Row<UInt64>] = [
    Row("synchronizations.greatestNanoseconds") { $0.synchronizations.greatestNanoseconds },
    Row("pacing.greatestNanoseconds") { $0.pacing.greatestNanoseconds },
    Row("removals.waitingCount") { UInt64(clamping: $0.removals.waitingCount) },
    Row("removals.waitingBytes") { $0.removals.waitingBytes },
    Row("space.logCount") { UInt64(clamping: $0.space.logCount) },
    Row("space.logBytes") { $0.space.logBytes },
    Row("space.spareBytes") { $0.space.spareBytes },
    Row("space.segmentCount") { UInt64(clamping: $0.space.segmentCount) },
    Row("space.segmentBytes") { $0.space.segmentBytes },
    Row("space.valueFileCount") { UInt64(clamping: $0.space.valueFileCount) },
    Row("space.valueFileBytes") { $0.space.valueFileBytes },
    Row("space.liveValueBytes") { $0.space.liveValueBytes },
    Row("memory.activeMemtableBytes") { $0.memory.activeMemtableBytes },
    Row("memory.sealedMemtables") { UInt64(clamping: $0.memory.sealedMemtables) },
    Row("memory.sealedMemtableBytes") { $0.memory.sealedMemtableBytes },
    Row("cache.capacityBytes") { $0.cache.capacityBytes },
    Row("cache.blockBytes") { $0.cache.blockBytes },
    Row("cache.openFileBytes") { $0.cache.openFileBytes },
    Row("snapshots.count") { UInt64(clamping: $0.snapshots.count) },
    Row("snapshots.oldestAge") { $0.snapshots.oldestAge },
    Row("compactionDebtBytes") { $0.compactionDebtBytes },
    Row("readAmplification") { UInt64(clamping: $0.readAmplification) },
  ]
}
