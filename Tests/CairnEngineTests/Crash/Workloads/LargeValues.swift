import CairnKV

@testable import CairnEngine

extension EngineWorkload {
  static var largeValues: EngineWorkload {
    var workload = EngineWorkload("large-values") { workload in
      workload.commit(.durable, .set(key(0), fill(1, 100 << 10)))
      workload.commit(.buffered, .set(key(1), fill(2, 5000)))
      workload.commit(.durable, .set(key(0), fill(3, 9000)), .set(key(2), fill(4, 70_000)))
      workload.commit(.durable, .removeRange(.all))
    }
    workload.options = .small
    return workload
  }
}
