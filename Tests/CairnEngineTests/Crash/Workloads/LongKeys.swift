import CairnKV

extension EngineWorkload {
  /// Keys from a few bytes to the longest, alone and beside others that begin like them, in memtables and in segments.
  static var longKeys: EngineWorkload {
    EngineWorkload("long-keys") { workload in
      for (index, count) in [7, 600, 1024, 1025, 2000, 9000, StorageLimits.keyBytes].enumerated() {
        workload.commit(
          index % 3 == 1 ? .buffered : .durable, .set(fill(index, count), fill(index, 300)),
          .set(fill(9, count), [UInt8(index)]))
        if index % 2 == 1 { workload.steps.append(.flush(keepingLogFiles: true)) }
      }
      workload.steps.append(.reopen)
      workload.commit(.durable, .remove(fill(5, 9000)), .set(fill(6, StorageLimits.keyBytes), []))
    }
  }
}
