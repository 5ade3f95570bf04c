import CairnKV

@testable import CairnEngine

extension EngineWorkload {
  static var flushes: EngineWorkload {
    EngineWorkload("flushes") { workload in
      for index in 0..<14 {
        workload.commit(index % 5 == 2 ? .buffered : .durable, .set(key(index % 6), fill(index, 900)))
      }
    }
  }

  /// Flushes that are asked for. Buffered commits before each, so that only the flush makes them durable; large values;
  /// logs that are kept and logs that are given back; twice in a row; and a reopening between.
  static func flushesAskedFor(keepingLogFiles: Bool) -> EngineWorkload {
    var workload = EngineWorkload("flushes-\(keepingLogFiles ? "keeping" : "giving-back")-logs") { workload in
      for round in 0..<4 {
        for index in 0..<3 {
          let value = fill(round, index == 0 ? 5000 : 300)
          workload.commit(.buffered, .set(key(round + index), value), .remove(key(round)))
        }
        workload.steps.append(.flush(keepingLogFiles: keepingLogFiles))
        if round == 1 { workload.steps.append(.flush(keepingLogFiles: keepingLogFiles)) }
        if round == 2 { workload.steps.append(.reopen) }
      }
      workload.commit(.durable, .removeRange(.prefix(key(3))), .set(key(9), [9]))
    }
    workload.options = .small
    return workload
  }
}
