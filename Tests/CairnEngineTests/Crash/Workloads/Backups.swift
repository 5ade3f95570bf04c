import CairnKV

extension EngineWorkload {
  /// One into nothing, then two that bring what is new, with files that went and logs that were used again between.
  static var backups: EngineWorkload {
    EngineWorkload("backups") { workload in
      for round in 0..<3 {
        for index in 0..<6 {
          workload.commit(
            index % 3 == 1 ? .buffered : .durable, .set(key(index % 4), fill(round * 16 + index, 2300)),
            .set(key(4 + index), fill(index, 400)))
        }
        workload.commit(.buffered, .set(key(round), [UInt8(round)]))
        workload.steps.append(.backup)
      }
      workload.commit(.durable, .removeRange(.prefix(key(1))))
    }
  }
}
