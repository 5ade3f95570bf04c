import CairnKV

extension EngineWorkload {
  static var closing: EngineWorkload {
    EngineWorkload("closing") { workload in
      for index in 0..<4 {
        workload.commit(.buffered, .set(key(index), fill(index, 50)))
        workload.steps.append(.reopen)
      }
    }
  }
}
