import CairnKV

@testable import CairnEngine

extension EngineWorkload {
  /// Logs that end and are used again.
  static var logRotation: EngineWorkload {
    var workload = EngineWorkload("log-rotation") { workload in
      for index in 0..<10 {
        workload.commit(index % 3 == 0 ? .buffered : .durable, .set(key(index % 4), fill(index, 60 << 10)))
      }
      workload.steps.append(.reopen)
      for index in 0..<6 { workload.commit(.durable, .set(key(index % 4), fill(100 + index, 60 << 10))) }
    }
    workload.options.memtableBytes = 1 << 20
    return workload
  }
}
