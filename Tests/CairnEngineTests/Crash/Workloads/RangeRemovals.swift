import CairnKV

extension EngineWorkload {
  /// A range is removed whose segments and value files go by one edit each time; with a snapshot held they stay until it is
  /// let go of, and go then.
  static func rangeRemovals(withSnapshot: Bool) -> EngineWorkload {
    EngineWorkload("range-removals\(withSnapshot ? "-with-snapshot" : "")") { workload in
      for round in 0..<2 {
        for index in 0..<8 {
          workload.commit(
            index % 4 == 1 ? .buffered : .durable,
            .set(key(index % 6), fill(index, index % 2 == 0 ? 3000 : 900)),
            .set(Array("other-\(index)".utf8), fill(index, 1500)))
        }
        if withSnapshot { workload.steps.append(.hold) }
        workload.commit(
          .durable, .removeRange(.prefix(Array((round == 0 ? "key-" : "other-").utf8))),
          .removeRange(.init(from: Array("other-3".utf8), to: Array("other-6".utf8))))
        // Flushes the removals.
        for index in 0..<5 { workload.commit(.buffered, .set([9, UInt8(index)], fill(7, 2000))) }
        if withSnapshot { workload.steps.append(.release) }
      }
    }
  }
}
