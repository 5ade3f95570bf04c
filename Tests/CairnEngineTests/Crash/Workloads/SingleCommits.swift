import CairnKV

@testable import CairnEngine

extension EngineWorkload {
  static var singleCommits: EngineWorkload {
    var workload = EngineWorkload("single-commits") { workload in
      for index in 0..<4 { workload.commit(.durable, .set(key(index), fill(index, 100))) }
      workload.commit(.durable, .remove(key(1)), .append(prefix: Array("log/".utf8), [7]))
    }
    workload.options = .small
    return workload
  }
}
