import CairnKV

@testable import CairnEngine

extension EngineWorkload {
  static var bufferedCommits: EngineWorkload {
    var workload = EngineWorkload("buffered-commits") { workload in
      for index in 0..<9 {
        workload.commit(index % 4 == 3 ? .durable : .buffered, .set(key(index % 3), fill(index, 700)))
      }
    }
    workload.options = .small
    return workload
  }
}
